/** For tests of programs that use actors: runtimes in memory that meet nobody else, and a clock that the test moves. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../actor/clock.js';
import type { RuntimeOptions } from '../config.js';
import { createRuntime } from '../create-runtime.js';
import type { Runtime } from '../runtime.js';

export type { Alarm, Clock } from '../actor/clock.js';
export { VirtualClock } from './virtual-clock.js';

export interface TestRuntimeOptions extends RuntimeOptions {
  /** Default: the real one. */
  clock?: Clock;
}

/**
 * A runtime in memory: no file, no socket, no log, no configuration from outside. Without a `namespace` it is alone in one of its own;
 * runtimes that are to meet are given the same.
 */
export async function createTestRuntime(options: TestRuntimeOptions = {}): Promise<Runtime> {
  const { clock, ...rest } = options;
  const namespace = `test-${randomBytes(6).toString('hex')}`;
  const runtime = await createRuntime({
    name: 'test',
    namespace,
    transport: 'memory',
    logger: false,
    config: false,
    ...rest,
  });
  runtime.actorSystem(clock);
  return runtime;
}
