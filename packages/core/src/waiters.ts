import type { Envelope, Selector } from './message.js';
import type { Lent } from './transport.js';
import { Operation } from './waiting.js';

/** A send below the handle: the channel settles it through `accepted`, `refused` (a `try` only), `fail` or `withdrawn`. */
export class SendOperation extends Operation<boolean | undefined> {
  /** Who is told when the message is received; only senders in other processes want to know. */
  tracker: Tracker | null = null;
  /** Where the body lies, if in memory of the channel's own (`Channel.lend`); not in the envelope then. */
  lent: Lent | null = null;

  constructor(
    readonly envelope: Envelope,
    /** `false` for `trySend`: refused rather than kept waiting for space. */
    readonly wait: boolean,
  ) {
    super();
  }

  accepted(): void {
    this.settle(this.wait ? undefined : true);
  }

  refused(): void {
    this.settle(false);
  }
}

/** Told when a message that was accepted has been taken by a receiver. */
export interface Tracker {
  received(): void;
}

/** What `ReceiveOperation.deliver` answers. */
export const Delivery = {
  /** Somebody else won (a `select` over several mailboxes): the message stays where it is. */
  declined: 0,
  /** The message has its receiver. */
  taken: 1,
  /** The message is on its way to another process, which will say whether it took it (`Queue.settleHeld`). */
  held: 2,
} as const;
export type Delivery = (typeof Delivery)[keyof typeof Delivery];

/** A message that is held for another process: its place in the order of acceptance. */
export interface Held {
  readonly order: number;
}

/** A receive below the handle: the channel settles it through `deliver`, `empty` (a `try` only), `fail` or `withdrawn`. */
export abstract class ReceiveOperation<T = unknown> extends Operation<T> {
  constructor(
    readonly selector: Selector | null,
    /** `false` for `tryReceive`: answered with `empty` rather than kept waiting. */
    readonly wait: boolean,
    /** How many messages it takes at most; after the first it takes only what is there. */
    readonly max = 1,
  ) {
    super();
  }

  /** Of several receives with one group (a `select`), at most one may be promised a message. */
  get group(): { readonly settled: boolean } | null {
    return null;
  }

  /** `token` is the channel's own, for a message that is held rather than taken. */
  abstract deliver(envelope: Envelope, token?: Held): Delivery;
  /**
   * Present where the body is only read until `end` is called, once: a channel may then hand over its own memory, which `end` detaches before it
   * takes the message, and which stays what it is until then. Not for one that is settled.
   */
  lend?(envelope: Envelope, end: () => void): void;

  /** While it is not settled it takes the one message that it is given. */
  get certain(): boolean {
    return false;
  }

  /** It has not been given a message yet. */
  get hasNone(): boolean {
    return !this.settled;
  }

  /** It has taken a message, and waits only to hear whether there are more. */
  get begun(): boolean {
    return false;
  }

  /** Nothing there (a `try`), or nothing more there (`max` above 1). */
  abstract empty(): void;
}

/** Takes one message. `open` turns the envelope into what the caller gets; what it throws rejects the receive. */
export class ReceiveOne<T> extends ReceiveOperation<T | null> {
  constructor(
    selector: Selector | null,
    wait: boolean,
    private readonly open: (envelope: Envelope) => T,
  ) {
    super(selector, wait);
  }

  override get certain(): boolean {
    return true;
  }

  deliver(envelope: Envelope): Delivery {
    if (this.settled) return Delivery.declined;
    try {
      this.settle(this.open(envelope));
    } catch (error) {
      this.fail(error);
    }
    return Delivery.taken;
  }

  empty(): void {
    this.settle(null);
  }
}

/** Takes 1 to `max` messages: waits for the first only. */
export class ReceiveMany<T> extends ReceiveOperation<T[]> {
  private readonly taken: T[] = [];

  constructor(
    selector: Selector | null,
    wait: boolean,
    max: number,
    private readonly open: (envelope: Envelope) => T,
  ) {
    super(selector, wait, max);
  }

  deliver(envelope: Envelope): Delivery {
    if (this.settled) return Delivery.declined;
    try {
      this.taken.push(this.open(envelope));
    } catch (error) {
      if (this.begun) {
        // Not at the cost of those taken before it: it stays, and fails the next receive.
        this.settle(this.taken);
        return Delivery.declined;
      }
      this.fail(error);
    }
    if (this.taken.length >= this.max) this.settle(this.taken);
    return Delivery.taken;
  }

  override get hasNone(): boolean {
    return this.taken.length === 0;
  }

  empty(): void {
    this.settle(this.taken);
  }

  override get begun(): boolean {
    return this.taken.length > 0;
  }

  /** Messages already taken must not be lost to a timeout: they are the outcome. */
  override withdrawn(): void {
    if (this.taken.length > 0) this.settle(this.taken);
    else super.withdrawn();
  }
}
