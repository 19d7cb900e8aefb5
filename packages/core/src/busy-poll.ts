import { Patience } from './patience.js';

/**
 * Keeps the event loop turning for a moment after something has come from another process, so that an answer, or the next request, is read as soon as it
 * comes: a process that sleeps has to be woken, and finds a processor that has slept as well.
 */
export class BusyPoll {
  private turning = false;
  /** Something has come since the last turn. */
  private came = false;
  /** The first of it. */
  private cameAt = 0;
  private readonly turn = (): void => this.go();

  constructor(private readonly patience: Patience) {}

  /** As a runtime is configured: for so many microseconds. */
  static of(microseconds = 0): BusyPoll {
    return new BusyPoll(Patience.of(microseconds));
  }

  /** Something has come. */
  stir(): void {
    // Its handlers run before the next turn does, and their time is none of waiting.
    if (this.turning && !this.came) this.cameAt = performance.now();
    this.came = true;
    if (this.turning || !this.patience.begin()) return;
    this.turning = true;
    setImmediate(this.turn);
  }

  /** For good. */
  close(): void {
    this.patience.close();
  }

  private go(): void {
    const { came } = this;
    this.came = this.turning = false;
    this.turning = this.patience.goOn(came, this.cameAt);
    if (this.turning) setImmediate(this.turn);
  }
}
