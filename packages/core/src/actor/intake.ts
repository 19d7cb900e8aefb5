import type PQueue from 'p-queue';
import type { PigeonholeError } from '../errors.js';
import type { Message, Selector } from '../message.js';
import { pace } from '../pace.js';
import type { Receiver, TryReceiveOptions } from '../receiver.js';
import type { Arrivals, Awaiting } from './arrivals.js';

/** So many messages one instance takes in a row before it lets others of its process have a go. */
const RUN = 32;

/** One turn to take: returns a promise, that never rejects, where it does not end at once. */
export type Take = () => Promise<unknown> | undefined;

/** Whose messages they are. */
export interface Taker {
  /** The message types to take; undefined: all. */
  readonly types: readonly number[] | undefined;
  /** Runs several turns at a time; null: one. */
  readonly queue: PQueue | null;
  readonly arrivals: Arrivals;
  taken(message: Message<unknown>): Promise<unknown> | undefined;
  /** Nothing more can be received; with `ERR_CORRUPT`, one message could not. */
  intakeFailed(error: PigeonholeError): void;
}

/**
 * The order in which one instance takes its turns: what is in here first, then the mailbox. It takes a message from the mailbox
 * only when a turn is free for it, so that what has not begun is still there for other instances when this one dies.
 */
export class Intake implements Awaiting {
  private receiver: Receiver<unknown> | null = null;
  private mode: 'paused' | 'open' | 'draining' | 'closed' = 'paused';
  private drainBefore = Number.POSITIVE_INFINITY;
  private selector: Selector | null = null;
  private receiving = false;
  /** It has taken many in a row, and lets others have a go. */
  private resting = false;
  private run = 0;
  private busy = false;
  /** Counts renewals: a turn of an earlier one that ends late frees nothing any more. */
  private era = 0;
  /** What lets go of the turns under way in the queue. */
  private held: Set<() => void> | null = null;
  // Made at first use: most instances are idle, and there may be tens of thousands.
  private inner: Take[] | null = null;
  private idle: (() => void)[] | null = null;
  private onDrained: (() => void) | null = null;

  constructor(private readonly taker: Taker) {
    taker.queue?.on('next', () => this.ended());
  }

  /** From now on turns are taken. */
  open(receiver: Receiver<unknown>): void {
    this.receiver = receiver;
    this.selector = receiver.selector(this.selection);
    this.mode = 'open';
    this.next();
  }

  /** No turn begins until `open`. */
  pause(): void {
    if (this.mode === 'open') this.mode = 'paused';
  }

  /** Gives up on the turns under way: they hold up nothing any more, however long they take. */
  renew(): void {
    this.era++;
    this.busy = false;
    for (const release of this.held ?? []) release();
  }

  /** A turn that comes before the mailbox. */
  push(turn: Take): void {
    this.keep(turn);
    this.next();
  }

  private keep(turn: Take): void {
    if (this.inner === null) this.inner = [turn];
    else this.inner.push(turn);
  }

  /** Turns that come before all others. */
  unshift(turns: readonly Take[]): void {
    if (turns.length > 0) this.inner = [...turns, ...(this.inner ?? [])];
  }

  /** Resolves when everything that was sent before `wall` has been taken. It goes on taking what comes. */
  drain(wall: number): Promise<void> {
    // A receive that waits has found the mailbox empty.
    if (this.mode !== 'open' || this.receiving) return Promise.resolve();
    this.mode = 'draining';
    this.drainBefore = wall;
    return new Promise((resolve) => {
      this.onDrained = resolve;
      this.next();
    });
  }

  private drained(): void {
    if (this.mode === 'draining') this.mode = 'open';
    this.onDrained?.();
    this.onDrained = null;
  }

  /** Takes no more from the mailbox; what has been taken is still handled. */
  async close(): Promise<void> {
    this.mode = 'closed';
    this.drained();
    this.next();
    await this.receiver?.close();
    this.checkIdle();
  }

  /** What was taken and has not begun. */
  rest(): Take[] {
    const rest = this.inner ?? [];
    this.inner = null;
    return rest;
  }

  /** Resolves once nothing is under way and nothing more will be taken. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.idle = [...(this.idle ?? []), resolve];
      this.checkIdle();
    });
  }

  private get free(): boolean {
    const { queue } = this.taker;
    return queue === null ? !this.busy : queue.size + queue.pending < queue.concurrency;
  }

  private get selection(): TryReceiveOptions {
    const { types } = this.taker;
    return types === undefined ? {} : { type: types };
  }

  private next(): void {
    while (this.mode !== 'paused' && this.free) {
      if (this.inner !== null) {
        const turn = this.inner.shift() as Take;
        if (this.inner.length === 0) this.inner = null;
        this.begin(turn);
      } else if (this.receiving || this.resting || this.receiver === null || this.mode === 'closed') return;
      else if (this.mode === 'draining') return this.receive(this.receiver.tryReceive(this.selection));
      else if (!this.takeNow(this.receiver)) return;
    }
  }

  /** Takes a message that is there, or waits for one. Whether there may be another, and it is still its go. */
  private takeNow(receiver: Receiver<unknown>): boolean {
    let message: Message<unknown> | null;
    try {
      message = receiver.takeNow(this.selector);
      if (message === null) {
        this.run = 0;
        this.receiving = true;
        receiver.waitWith((open) => this.taker.arrivals.receive(this.selector, open, this));
        return false;
      }
    } catch (error) {
      this.receiving = false;
      return this.goesOnAfter(error as PigeonholeError) && this.mayGoOn();
    }
    this.take(message);
    return this.mayGoOn();
  }

  private mayGoOn(): boolean {
    const free = pace.free();
    if (free && ++this.run < RUN) return true;
    this.run = 0;
    this.resting = true;
    const wake = (): void => {
      this.resting = false;
      this.next();
    };
    if (free) void Promise.resolve().then(wake);
    else pace.later(wake);
    return false;
  }

  private receive(receiving: Promise<Message<unknown> | null>): void {
    this.receiving = true;
    receiving.then(
      (message) => this.received(message),
      (error: unknown) => this.receivedNot(error),
    );
  }

  /** @internal */
  received(message: Message<unknown> | null): void {
    this.receiving = false;
    if (message === null || message.sentAt > this.drainBefore) this.drained();
    if (message !== null) this.take(message);
    this.next();
  }

  /** @internal */
  receivedNot(error: unknown): void {
    this.receiving = false;
    if (this.goesOnAfter(error as PigeonholeError)) this.next();
    this.checkIdle();
  }

  /** A message that cannot be decoded is gone; of anything else there would be no end. */
  private goesOnAfter(error: PigeonholeError): boolean {
    this.drained();
    if (error.code !== 'ERR_CLOSED') this.taker.intakeFailed(error);
    return error.code === 'ERR_CORRUPT';
  }

  private take(message: Message<unknown>): void {
    if (this.mode === 'paused' || this.inner !== null || !this.free || this.taker.queue !== null)
      this.keep(() => this.taker.taken(message));
    else {
      const { era } = this;
      this.busy = true;
      this.goesOn(this.taker.taken(message), era);
    }
  }

  private begin(turn: Take): void {
    const { queue } = this.taker;
    if (queue !== null) {
      void queue.add(() => this.hold(turn));
      return;
    }
    const { era } = this;
    this.busy = true;
    this.goesOn(turn(), era);
  }

  private goesOn(result: Promise<unknown> | undefined, era: number): void {
    if (result !== undefined)
      void result.then(() => {
        if (era === this.era) this.ended();
      });
    else if (era === this.era) this.busy = false;
  }

  private hold(turn: Take): Promise<void> {
    this.held ??= new Set();
    const { held } = this;
    return new Promise((resolve) => {
      const release = (): void => {
        held.delete(release);
        resolve();
      };
      held.add(release);
      const result = turn();
      if (result === undefined) release();
      else void result.then(release);
    });
  }

  private ended(): void {
    this.busy = false;
    this.next();
    this.checkIdle();
  }

  private checkIdle(): void {
    if (this.idle === null || this.receiving || this.inner !== null) return;
    const { queue } = this.taker;
    if (queue === null ? this.busy : queue.size + queue.pending > 0) return;
    const waiting = this.idle;
    this.idle = null;
    for (const resolve of waiting) resolve();
  }
}
