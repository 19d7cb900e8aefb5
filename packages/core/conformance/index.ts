/**
 * The conformance suite: every rule as tests that any transport can run. A transport's package adopts it in one line:
 *
 * ```ts
 * import { conformance } from '@pigeonhole/core/conformance';
 * import { afterAll, describe, test } from 'vitest';
 *
 * conformance({ runner: { afterAll, describe, test }, name: 'uds', transport: 'uds', where: ['process', 'threads', 'processes'] });
 * ```
 */

import type { Ability } from '../src/transport.js';
import { AgentPool } from './agent-pool.js';
import { Harness, type HarnessOptions } from './harness.js';
import { needsOf, needy } from './needs.js';
import { refusals, withoutAbilities } from './refusals.js';
import type { ConformanceRule } from './rule.js';
import { rules } from './rules/index.js';
import type { Runner } from './runner.js';
import type { Place } from './surface.js';
import { Watchdog } from './watchdog.js';

export type { Balance, Consumed, Produced } from './accounting.js';
export {
  type ActorConformanceOptions,
  type ActorTest,
  actorConformance,
  actorTests,
  runActorTest,
} from './actors/index.js';
export { attackSocket, portOf } from './attack.js';
export type { Attacker, AttackTarget, HarnessOptions } from './harness.js';
export { Harness } from './harness.js';
export { type LinkConformanceOptions, linkConformance, linkTests } from './links/index.js';
export { type ModelOptions, modelTest } from './model.js';
export { type NemesisOptions, nemesis } from './nemesis.js';
export type { NemesisReport } from './nemesis-account.js';
export type { ConformanceRule, RuleId } from './rule.js';
export type { Runner } from './runner.js';
export type { StartProcess } from './spawn.js';
export type * from './surface.js';
export { Watchdog } from './watchdog.js';
export { needy, refusals, rules };

export interface ConformanceOptions extends HarnessOptions {
  /** `{ describe, test }` of the test runner in use. */
  runner: Runner;
  /** Of the transport, for the titles. */
  name: string;
  /** Where its runtimes can be: one process, worker threads, several processes. */
  where: readonly Place[];
  /** Only these rules; default all. */
  only?: readonly string[];
  /** Places in which one test of each rule is enough, the first: what is special there is tested elsewhere. Default none. */
  brief?: readonly Place[];
  /** Rules of which every test runs between processes, though that place be brief; `mechanismRules`, for example. Default none. */
  whole?: readonly string[];
}

/** Those of deaths and strangers, whom each mechanism sees in its own way; the others are kept above the links, by code that all have in common. */
export const mechanismRules: readonly string[] = ['R25', 'R26', 'R27', 'R28'];

/** The rules that a transport with this `where`, and without what it `lacks`, runs, each with its places. */
export function rulesFor(
  where: readonly Place[],
  lacks: readonly Ability[] = [],
): { rule: ConformanceRule; place: Place }[] {
  return withoutAbilities(rules, lacks, needsOf)
    .filter((rule) => rule.unless === undefined || !where.includes(rule.unless))
    .flatMap((rule) => rule.where.filter((place) => where.includes(place)).map((place) => ({ rule, place })));
}

/** Runs one test of one rule in one place, from its first runtime to an empty directory. Throws if the rule does not hold. */
export async function runRule(rule: ConformanceRule, place: Place, options: HarnessOptions): Promise<void> {
  const harness = new Harness(options, place);
  let failed = true;
  try {
    await rule.run(harness);
    failed = false;
  } finally {
    await harness.dispose(failed);
  }
}

/** Defines the tests with the runner given: one `describe` for the transport and place, one test for each test of each rule. */
export function conformance(given: ConformanceOptions): void {
  const { runner, name, where, only, brief = [], whole = [], ...options } = given;
  const agents = runner.afterAll === undefined ? undefined : new AgentPool();
  runner.afterAll?.(async () => agents?.end(new Watchdog(options.watchdog)));
  const chosen = rulesFor(where, options.lacks).filter(
    ({ rule }) => only === undefined || only.includes(rule.rule),
  );
  for (const place of where) {
    const here = chosen.filter((each) => each.place === place).map(({ rule }) => rule);
    runner.describe(`${name} (${place})`, () => {
      for (const rule of brief.includes(place) ? inBrief(here, place === 'processes' ? whole : []) : here)
        runner.test(
          `${rule.rule} ${rule.title}`,
          () => runRule(rule, place, { ...options, ...(agents && { agents }) }),
          lastResort(options),
        );
    });
  }
}

/** The first test of each rule, and all of the rules named. */
function inBrief(here: readonly ConformanceRule[], whole: readonly string[]): ConformanceRule[] {
  return here.filter(
    ({ rule }, at) => whole.includes(rule) || here.findIndex((each) => each.rule === rule) === at,
  );
}

/** Milliseconds after which the runner ends a test that no watchdog ended. Every wait has one, so this comes later and says less. */
function lastResort({ watchdog }: HarnessOptions): number {
  return new Watchdog(watchdog).limit * 15;
}
