import { PigeonholeError } from '@pigeonhole/core/transport';
import { native } from './load.js';

/**
 * A thread that sleeps in the kernel cannot be terminated, and a process that wants to exit waits for its threads: so a sleep is
 * cut into pieces of so many milliseconds, and in between JavaScript runs and can be stopped.
 */
export const FUTEX_SLICE = 50;

const results = ['woken', 'changed', 'timed-out'] as const;
export type FutexResult = (typeof results)[number];

/**
 * Blocks this thread while `view[index]` is `expected`, at most `timeout` milliseconds of the monotonic clock (absent: for ever),
 * until a `futexWake` on the same word by any thread of any process that maps it. `'changed'`: it was not `expected` to
 * begin with. `'woken'` may be for no reason: look at the word again. Signals do not end it.
 */
export function futexWait(
  view: Int32Array,
  index: number,
  expected: number,
  timeout = Number.POSITIVE_INFINITY,
): FutexResult {
  if (Number.isNaN(timeout))
    throw new PigeonholeError('ERR_CONFIG', 'timeout is NaN; it must be a number of milliseconds');
  const addon = native();
  const end = performance.now() + timeout;
  while (true) {
    const left = end - performance.now();
    const result = results[addon.futexWait(view, index, expected, Math.min(FUTEX_SLICE, left))]!;
    if (result !== 'timed-out' || left <= FUTEX_SLICE) return result;
  }
}

/** Wakes at most `count` sleepers on the word (default: all); gives how many. */
export function futexWake(view: Int32Array, index: number, count = 2 ** 31 - 1): number {
  return native().futexWake(view, index, count);
}
