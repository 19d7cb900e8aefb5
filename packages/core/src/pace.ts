/**
 * So many messages may come and go without the event loop running in between; what follows then waits for the loop. Otherwise two
 * services of one process that always find work in each other's mailboxes would keep timers, signals and sockets out for
 * ever (zeromq.js caps its synchronous reads alike).
 */
const BURST = 512;

/** Lets calls complete at once, but for a burst at a time; in any case in the order in which they were settled. */
class Pace {
  private count = 0;
  private waiting: (() => void)[] = [];
  private held: (() => void)[] | null = null;

  /** Whether a call that is settled now may complete at once. It has moved so many messages. */
  free(messages = 1): boolean {
    if (this.held !== null || this.waiting.length > 0) return false;
    this.count += messages;
    return this.count < BURST;
  }

  /** From now on what is settled goes into `held`, for whoever runs it in order; null: no longer. Answers where it went before. */
  hold(held: (() => void)[] | null): (() => void)[] | null {
    const before = this.held;
    this.held = held;
    return before;
  }

  /** A promise of what is known already, of a call that has moved so many messages. */
  promise<T>(value: T, messages = 1): Promise<T> {
    if (this.free(messages)) return Promise.resolve(value);
    return new Promise((resolve) => this.later(() => resolve(value)));
  }

  /** Completes a call from the event loop, after those that wait already. */
  later(complete: () => void): void {
    if (this.held !== null) return void this.held.push(complete);
    if (this.waiting.length === 0) setImmediate(() => this.go());
    this.waiting.push(complete);
  }

  private go(): void {
    const { waiting } = this;
    this.waiting = [];
    this.count = 0;
    // Promise reactions run when all of these are resolved, so nothing can come between them.
    for (const complete of waiting) complete();
  }
}

/** One a thread, as there is one event loop a thread. */
export const pace = new Pace();
