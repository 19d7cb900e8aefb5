// The suite proves itself where only other processes show it: the agents' runtime breaks a rule, and its tests must notice.
import { fileURLToPath } from 'node:url';
import { type HarnessOptions, rulesFor, runRule } from '@pigeonhole/core/conformance';
import { expect, test } from 'vitest';
import { attack } from './conformance-attack.js';

const runtimeModule = fileURLToPath(new URL('conformance-broken-runtime.mjs', import.meta.url));

/** The test of each rule that has noticed so far: tried first, because those that pass before it only take long. */
const likely: Record<string, string> = {
  R24: 'closing ends what is lent and what is borrowed',
  R25: 'senders killed while they write large messages leave nothing partial and block nobody',
  R26: 'unreceived messages of a killed process wait on a store, and are reported lost elsewhere',
  R27: 'peers are told who comes and who goes',
  R28: 'broken, truncated and oversize bytes neither crash nor hang the target',
};

async function noticed(rule: string, options: HarnessOptions): Promise<string | null> {
  const tests = rulesFor(['processes']).filter((one) => one.rule.rule === rule);
  const first = tests.filter((one) => one.rule.title === likely[rule]);
  expect(first, `a test of ${rule} called '${likely[rule]}'`).toHaveLength(1);
  for (const each of [...first, ...tests.filter((one) => !first.includes(one))])
    try {
      await runRule(each.rule, each.place, options);
    } catch {
      return each.rule.title;
    }
  return null;
}

for (const rule of Object.keys(likely))
  test(`a runtime that breaks ${rule} in its process is found out`, async () => {
    const environment = { PIGEONHOLE_BROKEN_RULE: rule };
    const options = { transport: 'uds', hostile: attack, watchdog: 5000, runtimeModule, environment };
    expect(await noticed(rule, options), `no test of ${rule} noticed`).not.toBeNull();
  }, 300_000);
