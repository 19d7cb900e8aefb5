/** Shortest and longest wait for an acknowledgement (milliseconds). The shortest covers timers of 1 ms and a delayed acknowledgement. */
const MIN_TIMEOUT = 10;
const MAX_TIMEOUT = 1_000;
const FIRST_TIMEOUT = 50;

/**
 * How long an answer takes: the estimator of RFC 6298. A sample is of the transmission that the other side names (`echo`), so one
 * of a segment that was sent again cannot be mistaken for its first: what Karn's rule is there for.
 */
export class RoundTrip {
  private smoothed: number | null = null;
  private variation = 0;
  private latest = 0;

  sample(milliseconds: number): void {
    const sample = Math.max(0, milliseconds);
    this.latest = sample;
    if (this.smoothed === null) {
      this.smoothed = sample;
      this.variation = sample / 2;
      return;
    }
    this.variation = 0.75 * this.variation + 0.25 * Math.abs(this.smoothed - sample);
    this.smoothed = 0.875 * this.smoothed + 0.125 * sample;
  }

  /** The retransmission timeout, doubled for each one that has passed in vain but the first, which probes for a lost tail (RFC 8985, 7). */
  timeout(inVain: number): number {
    const once = this.smoothed === null ? FIRST_TIMEOUT : this.smoothed + Math.max(1, 4 * this.variation);
    return Math.min(MAX_TIMEOUT, Math.max(MIN_TIMEOUT, once) * 2 ** Math.max(0, Math.min(inVain, 16) - 1));
  }

  /** How long after its transmission something counts as lost if what was sent later has come (RFC 9002, 6.1.2). */
  get reordering(): number {
    return Math.max(1, (9 / 8) * Math.max(this.smoothed ?? FIRST_TIMEOUT, this.latest));
  }
}
