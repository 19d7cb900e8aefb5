import type { Source } from './address.js';
import { Borrows } from './borrow.js';
import type { Codec, CodecLimits } from './codec.js';
import { PigeonholeError, show } from './errors.js';
import { type Loan, Loans } from './loan.js';
import type { Envelope, Message, Selector } from './message.js';
import { pace } from './pace.js';
import { Pending, unsupportedSync } from './pending.js';
import {
  fill,
  fillMany,
  openEnvelope,
  priorityOf,
  type Sealing,
  seal,
  selectorOf,
  typeOf,
  validate,
} from './sealing.js';
import type { Choice } from './select.js';
import type { Channel } from './transport.js';
import {
  ReceiveMany,
  ReceiveOne,
  type ReceiveOperation,
  SendOperation,
  type WaitOptions,
} from './waiters.js';

export interface TrySendOptions {
  /** Positive 31-bit integer that receivers may select by. */
  type?: number;
  /** 0 (default) to 31; higher first where the mailbox's ordering is `'priority'`. */
  priority?: number;
}

export interface SendOptions extends TrySendOptions, WaitOptions {}

/** What a sender needs to know: fixed when it is opened. */
export interface SenderSetup extends Sealing {
  readonly channel: Channel;
  readonly sync: boolean;
  readonly transport: string;
  release(): void;
}

/**
 * Puts messages into one mailbox (or one process's inbox). Any number of calls may be under way at once; the messages of
 * one sender are accepted, and received, in the order of the calls.
 */
export class Sender<T = unknown> {
  private readonly pending: Pending;
  /** Calls whose schema has not given its word yet. */
  private validating = 0;
  private loans: Loans | null = null;

  /** @internal use `runtime.sender()` */
  constructor(private readonly setup: SenderSetup) {
    this.pending = new Pending(setup.label);
  }

  /**
   * Resolves when the mailbox has accepted the message (at capacity 0: when a receiver has it), never before. `body` is copied
   * during the call.
   *
   * Rejects, having sent nothing: `ERR_TIMEOUT` or the signal's reason; `ERR_CLOSED`; `ERR_SCHEMA`, `ERR_UNSERIALIZABLE`,
   * `ERR_TOO_LARGE` for the body; `ERR_NO_SPACE` when the mailbox's byte limit is reached; `ERR_CAPACITY_MISMATCH` when
   * the mailbox turned out to have another capacity. Rejects with `ERR_OUTCOME_UNKNOWN` when the process that held the
   * mailbox was lost before it answered.
   */
  send(body: T, options: SendOptions = {}): Promise<void> {
    return this.start(body, options, true) as Promise<void>;
  }

  /**
   * Never waits for space: `true` when accepted; `false` when the mailbox is full, when at capacity 0 nobody is receiving, or
   * when nobody hosts it. Over a link it waits for the host's answer. Rejects as `send` does, but for waiting.
   */
  trySend(body: T, options: TrySendOptions & WaitOptions = {}): Promise<boolean> {
    return this.start(body, options, false) as Promise<boolean>;
  }

  /**
   * Sends all, in order, with many on their way at once; resolves when all are accepted. If some are not, it rejects with
   * the first reason, and the error's `accepted` tells how many of the leading bodies were accepted; later ones may have been
   * accepted too only when that reason is a timeout or an abort, `ERR_OUTCOME_UNKNOWN`, `ERR_NO_SPACE` or one of the body itself.
   */
  async sendMany(bodies: Iterable<T>, options: SendOptions = {}): Promise<void> {
    const all = Array.from(bodies);
    const first = this.sendManyAtOnce(all, options);
    if (first === all.length) return pace.promise(undefined, first);
    const rest = first === 0 ? all : all.slice(first);
    const outcomes = await Promise.allSettled(rest.map((body) => this.send(body, options)));
    const failed = outcomes.findIndex((outcome) => outcome.status === 'rejected');
    if (failed < 0) return;
    const { reason } = outcomes[failed] as PromiseRejectedResult;
    if (!(reason instanceof PigeonholeError)) throw reason;
    const accepted = first + failed;
    throw new PigeonholeError(
      reason.code,
      `${reason.message} (${accepted} of ${all.length} accepted before it)`,
      { ...reason, cause: reason.cause ?? reason, accepted },
    );
  }

  /** `send`, blocking the thread. `ERR_UNSUPPORTED` where the transport's `capabilities.sync` is false. */
  sendSync(body: T, options: SendOptions = {}): void {
    this.startSync(body, options, true, 'sendSync');
  }

  /** `trySend`, without a promise. `ERR_UNSUPPORTED` where the transport's `capabilities.sync` is false. */
  trySendSync(body: T, options: TrySendOptions = {}): boolean {
    return this.startSync(body, options, false, 'trySendSync') as boolean;
  }

  /**
   * Memory for a body of `size` bytes, for codec `'raw'` only: to be written in place and committed, which copies nothing where the mailbox is in
   * shared memory, and once less elsewhere. What is never committed is given back when it is cancelled or forgotten, at the latest when this
   * handle is closed.
   *
   * Throws `ERR_UNSUPPORTED` for another codec or a mailbox with a schema, `ERR_TOO_LARGE` above `maxMessageBytes`, `ERR_NO_SPACE` when
   * the mailbox's byte limit or the memory is used up, `ERR_CLOSED`.
   */
  loan(size: number): Loan {
    this.loans ??= new Loans(this.setup, this.pending);
    return this.loans.lend(size);
  }

  /** Settles every pending call of this handle with `ERR_CLOSED` unless it was accepted after all. Closing twice is fine. */
  async close(): Promise<void> {
    await this.finish();
  }

  /** @internal no call is under way */
  get idle(): boolean {
    return this.validating === 0 && this.pending.idle;
  }

  /** @internal closes; how many calls of `send` did not get their message accepted */
  finish(): Promise<number> {
    this.loans?.close();
    return this.pending.close(
      (operation) => this.setup.channel.cancelSend(operation as SendOperation),
      this.setup.release,
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private start(body: T, options: SendOptions, wait: boolean): Promise<boolean | undefined> {
    try {
      this.pending.check(options);
      if (this.setup.schema === undefined) return this.dispatch(body, options, wait);
      const value = validate(body, this.setup.schema, this.setup.label);
      if (!(value instanceof Promise)) return this.dispatch(value, options, wait);
      this.validating++;
      return value
        .finally(() => this.validating--)
        .then((checked) => {
          this.pending.check(options);
          return this.dispatch(checked, options, wait);
        });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  private dispatch(value: unknown, options: SendOptions, wait: boolean): Promise<boolean | undefined> {
    const sent = this.submit(value, options, wait);
    if (typeof sent === 'boolean') return pace.promise(wait ? undefined : sent);
    return this.pending.outcome(sent, options, wait ? 'send to' : 'trySend to', () =>
      this.setup.channel.cancelSend(sent),
    );
  }

  /** Whether it was accepted, where that is known at once; else the operation that waits. */
  private submit(value: unknown, options: TrySendOptions, wait: boolean): boolean | SendOperation {
    const { channel, codec } = this.setup;
    const { atOnce } = channel;
    if (atOnce !== undefined) {
      const type = typeOf(options);
      const priority = priorityOf(options);
      if (fill(value, this.setup, atOnce)) return atOnce.send(codec.id, type, priority, wait);
    }
    const operation = new SendOperation(seal(value, options, this.setup), wait);
    channel.send(operation);
    return operation;
  }

  /** Sends those of the first bodies that need not wait; how many were accepted. */
  private sendManyAtOnce(bodies: readonly T[], options: SendOptions): number {
    const { channel, codec, schema } = this.setup;
    const { atOnce } = channel;
    if (atOnce === undefined || schema !== undefined) return 0;
    this.pending.check(options);
    const type = typeOf(options);
    const priority = priorityOf(options);
    for (let sent = 0; ; ) {
      const count = fillMany(bodies, sent, this.setup, atOnce);
      const accepted = count === 0 ? 0 : atOnce.sendMany(count, codec.id, type, priority);
      sent += accepted;
      if (accepted < count || count === 0) return sent;
    }
  }

  private startSync(body: T, options: SendOptions, wait: boolean, verb: string): boolean | undefined {
    const { channel, label, schema } = this.setup;
    if (!this.setup.sync) throw unsupportedSync(verb, this.setup);
    this.pending.check(options);
    const value = schema === undefined ? body : validate(body, schema, label);
    if (schema !== undefined && value instanceof Promise)
      throw new PigeonholeError(
        'ERR_UNSUPPORTED',
        `${verb} to ${label}: its schema validates asynchronously; use send`,
      );
    const sent = this.submit(value, options, wait);
    if (typeof sent === 'boolean') return wait ? undefined : sent;
    return this.pending.outcomeSync(sent, channel, options, `${verb} to`, () => channel.cancelSend(sent));
  }
}

export interface TryReceiveOptions {
  /** Take only messages of this type, or of one of these. */
  type?: number | readonly number[];
  /** Take only messages of the process with this name. */
  from?: string;
}

export interface ReceiveOptions extends TryReceiveOptions, WaitOptions {}

/** What a receiver needs to know: fixed when it is opened. */
export interface ReceiverSetup {
  readonly label: string;
  readonly channel: Channel;
  readonly codec: Codec;
  /** For what a custom codec verifies; the built-in ones have verified what comes from outside before it gets here. */
  readonly limits: CodecLimits;
  /** Direct naming: only messages of this process. */
  readonly from: string | null;
  readonly sync: boolean;
  readonly transport: string;
  release(): void;
}

/**
 * Takes messages out of one mailbox (or this process's inbox). Receivers of one mailbox, in whatever process, compete: each
 * message goes to exactly one. Any number of calls may be under way at once; they are served in order.
 */
export class Receiver<T = unknown> implements AsyncIterable<Message<T>> {
  private readonly pending: Pending;
  private borrows: Borrows<T> | null = null;
  private readonly open = (envelope: Envelope): Message<T> => openEnvelope(envelope, this.setup);
  /** Of messages that were taken with others and cannot be decoded: what the next receives reject with. */
  private readonly failures: unknown[] = [];

  /** @internal use `runtime.receiver()` */
  constructor(private readonly setup: ReceiverSetup) {
    this.pending = new Pending(setup.label);
  }

  /**
   * Resolves with the first message that matches `type` and `from`; the others keep their order.
   *
   * Rejects, having taken nothing: `ERR_TIMEOUT`, the signal's reason, `ERR_CLOSED`. A body that cannot be decoded (a custom
   * codec that differs between sender and receiver) rejects with `ERR_CORRUPT` and is gone.
   */
  receive(options: ReceiveOptions = {}): Promise<Message<T>> {
    return this.start(options, true, 'receive from') as Promise<Message<T>>;
  }

  /** A message if there is one now, else null. At capacity 0 it takes from a waiting sender. Over a link it asks the host. */
  tryReceive(options: TryReceiveOptions & WaitOptions = {}): Promise<Message<T> | null> {
    return this.start(options, false, 'tryReceive from');
  }

  /**
   * Waits for one message, then takes what else is there, `max` in all at most (default 256). Rejects as `receive` does; a
   * message that cannot be decoded does so at the cost of none that can: it rejects the next receive of this handle instead.
   */
  receiveMany(max = 256, options: ReceiveOptions = {}): Promise<Message<T>[]> {
    if (!(Number.isInteger(max) && max >= 1 && max < 2 ** 32))
      return Promise.reject(
        new PigeonholeError(
          'ERR_CONFIG',
          `receiveMany: max is ${show(max)}; it must be an integer from 1 to 4294967295`,
        ),
      );
    try {
      const selector = this.check(options);
      const { channel } = this.setup;
      const taken = this.takeMany(channel, selector, max);
      if (taken.length > 0) return pace.promise(taken, taken.length);
      const operation = new ReceiveMany(selector, true, max, this.open);
      channel.receive(operation);
      return this.pending.outcome(operation, options, 'receiveMany from', () =>
        channel.cancelReceive(operation),
      );
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** `receive`, blocking the thread. `ERR_UNSUPPORTED` where the transport's `capabilities.sync` is false. */
  receiveSync(options: ReceiveOptions = {}): Message<T> {
    return this.startSync(options, true, 'receiveSync') as Message<T>;
  }

  /** `tryReceive`, without a promise. `ERR_UNSUPPORTED` where the transport's `capabilities.sync` is false. */
  tryReceiveSync(options: TryReceiveOptions = {}): Message<T> | null {
    return this.startSync(options, false, 'tryReceiveSync');
  }

  /**
   * Receives a message and calls `read` with it; where the mailbox is in shared memory and the body raw, `body` is the message's own memory, not
   * a copy. It is for `read` alone, until that returns or its promise settles, and not to be written to; then it is detached (length 0) and the
   * message is taken. Resolves with what `read` returns, rejects with what it throws: then too the message has been received. Until then
   * it holds its place in a mailbox in shared memory. Should this process die meanwhile, a mailbox in shared memory has the message for the next receiver.
   *
   * Closing this handle waits for no `read`: the message is taken, and its body detached, at once.
   *
   * Rejects as `receive` does; `ERR_UNSUPPORTED` for a handle of another codec than `'raw'`. `timeout` and `signal` end the wait for the
   * message, not `read`.
   */
  borrow<R>(read: (message: Message<T>) => R | Promise<R>, options: ReceiveOptions = {}): Promise<R> {
    this.borrows ??= new Borrows<T>(this.setup, this.pending);
    return this.borrows.borrow(read, options);
  }

  /** Messages until the receiver is closed, one at a time. Leaving the loop takes nothing more and closes nothing. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message<T>> {
    // By hand: an async generator costs three promises a message more.
    const next = (): Promise<IteratorResult<Message<T>>> => {
      if (this.pending.closed) return Promise.resolve({ done: true, value: undefined });
      try {
        return this.next();
      } catch (error) {
        return Promise.reject(error);
      }
    };
    return {
      next,
      return: () => Promise.resolve({ done: true, value: undefined }),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** Settles every pending call of this handle with `ERR_CLOSED`, and ends its iterations. Closing twice is fine. */
  async close(): Promise<void> {
    await this.finish();
  }

  /** @internal closes; 0, for nothing is unsent */
  async finish(): Promise<number> {
    await this.pending.close(
      (operation) => this.setup.channel.cancelReceive(operation as ReceiveOperation),
      () => {
        this.borrows?.close();
        this.setup.release();
      },
    );
    return 0;
  }

  /** @internal this receiver as one of several that a `select` waits on */
  choice(source: Source): Choice {
    return {
      source,
      channel: this.setup.channel,
      selector: selectorOf({}, this.setup.from),
      open: this.open,
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private start(options: ReceiveOptions, wait: boolean, verb: string): Promise<Message<T> | null> {
    try {
      const selector = this.check(options);
      const { channel } = this.setup;
      const envelope = channel.atOnce?.receive(selector, false);
      if (envelope != null) return pace.promise(this.open(envelope));
      const operation = new ReceiveOne(selector, wait, this.open);
      channel.receive(operation);
      return this.pending.outcome(operation, options, verb, () => channel.cancelReceive(operation));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  private next(): Promise<IteratorResult<Message<T>>> {
    const selector = this.check({});
    const { channel } = this.setup;
    const envelope = channel.atOnce?.receive(selector, false);
    if (envelope != null) return pace.promise({ done: false, value: this.open(envelope) });
    const operation = new NextMessage(selector, this.open);
    channel.receive(operation);
    const cancel = (): void => channel.cancelReceive(operation);
    return this.pending.outcome(operation, {}, 'receive from', cancel) as Promise<IteratorResult<Message<T>>>;
  }

  private startSync(options: ReceiveOptions, wait: boolean, verb: string): Message<T> | null {
    if (!this.setup.sync) throw unsupportedSync(verb, this.setup);
    const selector = this.check(options);
    const { channel } = this.setup;
    const envelope = channel.atOnce?.receive(selector, wait);
    if (envelope != null) return this.open(envelope);
    const operation = new ReceiveOne(selector, wait, this.open);
    channel.receive(operation);
    return this.pending.outcomeSync(operation, channel, options, `${verb} from`, () =>
      channel.cancelReceive(operation),
    );
  }

  /** What the call asks for. Throws what keeps it from starting. */
  private check(options: ReceiveOptions): Selector | null {
    this.pending.check(options);
    const selector = selectorOf(options, this.setup.from);
    if (this.failures.length > 0) throw this.failures.shift();
    return selector;
  }

  private takeMany(channel: Channel, selector: Selector | null, max: number): Message<T>[] {
    const taken: Message<T>[] = [];
    channel.atOnce?.receiveMany(selector, max, (envelope) => {
      try {
        taken.push(this.open(envelope));
      } catch (error) {
        this.failures.push(error);
      }
    });
    if (taken.length === 0 && this.failures.length > 0) throw this.failures.shift();
    return taken;
  }
}

/** A receive of an iteration: ends it, rather than failing it, when the receiver is closed. */
class NextMessage<T> extends ReceiveOne<IteratorResult<T>> {
  constructor(selector: Selector | null, open: (envelope: Envelope) => T) {
    super(selector, true, (envelope) => ({ done: false, value: open(envelope) }));
  }

  override fail(error: unknown): void {
    if (error instanceof PigeonholeError && error.code === 'ERR_CLOSED')
      this.settle({ done: true, value: undefined });
    else super.fail(error);
  }
}
