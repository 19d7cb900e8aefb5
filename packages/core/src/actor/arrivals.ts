import type { Envelope, Message, Selector } from '../message.js';
import { pace } from '../pace.js';
import { ReceiveOne } from '../waiters.js';

/** Who waits for a message without a promise. Neither throws. */
export interface Awaiting {
  received(message: Message<unknown>): void;
  receivedNot(error: unknown): void;
}

/**
 * Hands over what has come, to all actors of one runtime: as a promise would, after the call that brought it, but with one promise for all that
 * come meanwhile, and none for each that waits. What goes on then has the async context in which this was made, not that of whoever
 * happened to bring the message.
 */
export class Arrivals {
  private due: Arrival[] = [];
  private wake: () => void = () => {};

  constructor() {
    this.rest();
  }

  /** A receive that hands over what it gets. */
  receive(
    selector: Selector | null,
    open: (envelope: Envelope) => Message<unknown>,
    by: Awaiting,
  ): ReceiveOne<unknown> {
    return new Arrival(selector, open, by, this);
  }

  /** @internal */
  add(arrival: Arrival): void {
    if (this.due.push(arrival) === 1) this.wake();
  }

  private rest(): void {
    void new Promise<void>((resolve) => {
      this.wake = resolve;
    }).then(() => this.go());
  }

  private go(): void {
    const { due } = this;
    this.due = [];
    this.rest();
    for (const arrival of due)
      try {
        arrival.hand();
      } catch (error) {
        // A fault of ours is not to cost the others their messages; it shows as it would behind a promise.
        void Promise.reject(error);
      }
  }
}

class Arrival extends ReceiveOne<Message<unknown>> {
  constructor(
    selector: Selector | null,
    open: (envelope: Envelope) => Message<unknown>,
    private readonly by: Awaiting,
    private readonly arrivals: Arrivals,
  ) {
    super(selector, true, open);
  }

  protected override settle(value: Message<unknown>): boolean {
    if (!super.settle(value)) return false;
    this.arrive();
    return true;
  }

  override fail(error: unknown): void {
    if (this.settled) return;
    super.fail(error);
    this.arrive();
  }

  private arrive(): void {
    if (pace.free()) this.arrivals.add(this);
    else pace.later(() => this.arrivals.add(this));
  }

  hand(): void {
    if (this.failed) this.by.receivedNot(this.error);
    else this.by.received(this.outcomeNow() as Message<unknown>);
  }
}
