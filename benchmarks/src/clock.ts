/** One clock for all processes of a run. */

/** What `performance.now()` of this process lacks to the machine's monotonic clock; each process counts from its own start. */
const origin = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Milliseconds of the machine's monotonic clock: the same in every process and thread, to a few microseconds. */
export function now(): number {
  return origin + performance.now();
}
