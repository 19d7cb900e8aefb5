/** One clock for all processes of a run. */

const ATTEMPTS = 50;

/**
 * What `performance.now()` of this process lacks to the machine's monotonic clock; each process counts from its own start. Of several readings
 * the one that was interrupted least: a process that loses its processor between two looks would be off by that for good.
 */
export function originOf(machine: () => number, own: () => number): number {
  let least = Number.POSITIVE_INFINITY;
  let origin = 0;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const before = machine();
    const middle = own();
    const after = machine();
    if (after - before >= least) continue;
    least = after - before;
    origin = (before + after) / 2 - middle;
  }
  return origin;
}

const origin = originOf(
  () => Number(process.hrtime.bigint()) / 1e6,
  () => performance.now(),
);

/** Milliseconds of the machine's monotonic clock: the same in every process and thread, to a microsecond or so. */
export function now(): number {
  return origin + performance.now();
}
