/**
 * The actor suite: what actors mean, as tests that any transport can run. A transport's package adopts it in one line:
 *
 * ```ts
 * import { actorConformance } from '@pigeonhole/core/conformance';
 * import { describe, test } from 'vitest';
 *
 * actorConformance({ runner: { describe, test }, name: 'uds', transport: 'uds', where: ['process', 'threads', 'processes'] });
 * ```
 */
import type { Runner } from '../runner.js';
import type { Place } from '../surface.js';
import { Watchdog } from '../watchdog.js';
import { asking } from './asking.js';
import { contexts } from './contexts.js';
import { ending } from './ending.js';
import { placements } from './placements.js';
import { pools } from './pools.js';
import { publishing } from './publishing.js';
import { ActorStage, type ActorStageOptions } from './stage.js';
import { streams } from './streams.js';
import { supervision } from './supervising.js';
import { watching } from './watching.js';

/** One test: `run` throws if it does not hold. */
export interface ActorTest {
  readonly title: string;
  /** Absent: one process is enough. */
  readonly place?: Exclude<Place, 'process'>;
  run(stage: ActorStage): Promise<void>;
}

export const actorTests: readonly ActorTest[] = [
  ...asking,
  ...streams,
  ...contexts,
  ...supervision,
  ...watching,
  ...pools,
  ...publishing,
  ...ending,
  ...placements,
];

export interface ActorConformanceOptions extends ActorStageOptions {
  /** `{ describe, test }` of the test runner in use. */
  runner: Runner;
  /** Of the transport, for the titles. */
  name: string;
  /** Where its runtimes can be. */
  where: readonly Place[];
}

/** Runs one test, from its first runtime to an empty directory. Throws if it does not hold. */
export async function runActorTest(test: ActorTest, options: ActorStageOptions): Promise<void> {
  const stage = new ActorStage(options);
  let failed = true;
  try {
    await test.run(stage);
    failed = false;
  } finally {
    await stage.dispose(failed);
  }
}

/** Defines the tests with the runner given. */
export function actorConformance({ runner, name, where, ...options }: ActorConformanceOptions): void {
  const limit = new Watchdog(options.watchdog).limit * 10;
  runner.describe(`actors over ${name}`, () => {
    for (const test of actorTests.filter(({ place }) => where.includes(place ?? 'process')))
      runner.test(
        `${test.title}${test.place ? ` (${test.place})` : ''}`,
        () => runActorTest(test, options),
        limit,
      );
  });
}
