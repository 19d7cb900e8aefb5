/** After so many failures in a row, one try in so many. */
const MOST_LEFT_OUT = 15;

/**
 * Keeps the event loop turning for a moment after something has come over a link, so that an answer, or the next request, is read as soon as it
 * comes: a process that sleeps has to be woken, and finds a processor that has slept as well. Two that answer each other so take a fifth of the
 * time for an exchange, and less processor time (decision 38 has the figures). The kernel does the same for network devices (socket(7), SO_BUSY_POLL).
 *
 * Where nothing comes in that time it was in vain: the next occasion is then left out, after the next failure three, and at most fifteen. What is tried
 * after a failure lasts twice as long: the other side may sleep, and only if one waits for that does it stay awake in turn. An idle process sleeps.
 */
export class BusyPoll {
  private turning = false;
  /** Something has come since the last turn. */
  private came = false;
  /** No turn has been since it began. */
  private fresh = false;
  private since = 0;
  private failures = 0;
  private leaveOut = 0;
  private readonly turn = (): void => this.go();

  /** Milliseconds; 0: never. */
  constructor(private readonly duration: number) {}

  /** Something has come. */
  stir(): void {
    this.came = true;
    if (this.turning || this.duration === 0) return;
    if (this.leaveOut > 0) {
      this.leaveOut--;
      return;
    }
    this.turning = this.fresh = true;
    setImmediate(this.turn);
  }

  private go(): void {
    const now = performance.now();
    if (this.came) {
      // What it began with is no success; nor does the time count in which that was handled.
      if (!this.fresh) this.failures = 0;
      this.came = this.fresh = false;
      this.since = now;
    } else if (now - this.since > this.duration * (this.failures === 0 ? 1 : 2)) {
      this.turning = false;
      this.failures = this.leaveOut = Math.min(2 * this.failures + 1, MOST_LEFT_OUT);
      return;
    }
    setImmediate(this.turn);
  }
}
