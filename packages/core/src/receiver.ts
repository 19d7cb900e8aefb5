import type { Source } from './address.js';
import { Borrows } from './borrow.js';
import type { Codec, CodecLimits } from './codec.js';
import { PigeonholeError, show } from './errors.js';
import type { Envelope, Message, Selector } from './message.js';
import { checksAsItDecodes, openEnvelope, selectorOf } from './opening.js';
import { pace } from './pace.js';
import { Pending, unsupportedSync } from './pending.js';
import type { Choice } from './select.js';
import type { Channel } from './transport.js';
import { ReceiveMany, ReceiveOne, type ReceiveOperation } from './waiters.js';
import type { WaitOptions } from './waiting.js';

export interface TryReceiveOptions {
  /** Take only messages of this type, or of one of these. */
  type?: number | readonly number[];
  /** Take only messages of the process with this name. */
  from?: string;
}

export interface ReceiveOptions extends TryReceiveOptions, WaitOptions {}

const OPTIONS = ['timeout', 'signal', 'type', 'from'];
const NO_OPTIONS: ReceiveOptions = Object.freeze({});

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
  /** Of a call without options. */
  private readonly any: Selector | null;

  /** @internal use `runtime.receiver()` */
  constructor(private readonly setup: ReceiverSetup) {
    this.pending = new Pending(setup.label, OPTIONS);
    this.any = selectorOf(NO_OPTIONS, setup.from);
  }

  /**
   * Resolves with the first message that matches `type` and `from`; the others keep their order.
   *
   * Rejects, having taken nothing: `ERR_TIMEOUT`, the signal's reason, `ERR_CLOSED`. A body that cannot be decoded (a custom
   * codec that differs between sender and receiver) rejects with `ERR_CORRUPT` and is gone.
   */
  receive(options: ReceiveOptions = NO_OPTIONS): Promise<Message<T>> {
    return this.start(options, true, 'receive from') as Promise<Message<T>>;
  }

  /** A message if there is one now, else null. At capacity 0 it takes from a waiting sender. Over a link it asks the host. */
  tryReceive(options: TryReceiveOptions & WaitOptions = NO_OPTIONS): Promise<Message<T> | null> {
    return this.start(options, false, 'tryReceive from');
  }

  /**
   * Waits for one message, then takes what else is there, `max` in all at most (default 256); in shared memory no more once the bodies
   * have a mebibyte. Rejects as `receive` does; a
   * message that cannot be decoded does so at the cost of none that can: it rejects the next receive of this handle instead.
   */
  receiveMany(max = 256, options: ReceiveOptions = NO_OPTIONS): Promise<Message<T>[]> {
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
  receiveSync(options: ReceiveOptions = NO_OPTIONS): Message<T> {
    return this.startSync(options, true, 'receiveSync') as Message<T>;
  }

  /** `tryReceive`, without a promise. `ERR_UNSUPPORTED` where the transport's `capabilities.sync` is false. */
  tryReceiveSync(options: TryReceiveOptions = NO_OPTIONS): Message<T> | null {
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

  /** @internal what `takeNow` and `wait` are to select by */
  selector(options: TryReceiveOptions): Selector | null {
    return selectorOf(options, this.setup.from);
  }

  /** @internal a message that can be had within the call, else null. Throws what `receive` rejects with. */
  takeNow(selector: Selector | null): Message<T> | null {
    this.pending.checkWait(NO_OPTIONS);
    const envelope = this.setup.channel.take?.(selector, false);
    return envelope == null ? null : this.open(envelope);
  }

  /** @internal `receive`, for who has just got nothing from `takeNow`. Throws, or rejects, as it does. */
  wait(selector: Selector | null): Promise<Message<T> | null> {
    this.pending.checkWait(NO_OPTIONS);
    return this.receiveOne(selector, true, NO_OPTIONS, 'receive from');
  }

  /** @internal likewise, with an operation of the caller's own, of which nobody is promised anything; `make` is given what decodes a message */
  waitWith(make: (open: (envelope: Envelope) => Message<T>) => ReceiveOperation): void {
    this.pending.checkWait(NO_OPTIONS);
    const operation = make(this.open);
    this.setup.channel.receive(operation);
    this.pending.follow(operation);
  }

  private start(options: ReceiveOptions, wait: boolean, verb: string): Promise<Message<T> | null> {
    try {
      const selector = this.check(options);
      const { channel } = this.setup;
      const envelope = channel.take?.(selector, false);
      if (envelope != null) return pace.promise(this.open(envelope));
      return this.receiveOne(selector, wait, options, verb);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  private receiveOne(
    selector: Selector | null,
    wait: boolean,
    options: WaitOptions,
    verb: string,
  ): Promise<Message<T> | null> {
    const { channel } = this.setup;
    const operation = new ReceiveOne(selector, wait, this.open);
    channel.receive(operation);
    return this.pending.outcome(operation, options, verb, () => channel.cancelReceive(operation));
  }

  private next(): Promise<IteratorResult<Message<T>>> {
    const { any } = this;
    const { channel } = this.setup;
    if (this.failures.length > 0) throw this.failures.shift();
    const envelope = channel.take?.(any, false);
    if (envelope != null) return pace.promise({ done: false, value: this.open(envelope) });
    const operation = new NextMessage(any, this.open);
    channel.receive(operation);
    const cancel = (): void => channel.cancelReceive(operation);
    return this.pending.outcome(operation, NO_OPTIONS, 'receive from', cancel) as Promise<
      IteratorResult<Message<T>>
    >;
  }

  private startSync(options: ReceiveOptions, wait: boolean, verb: string): Message<T> | null {
    if (!this.setup.sync) throw unsupportedSync(verb, this.setup);
    const selector = this.check(options);
    const { channel } = this.setup;
    const envelope = channel.take?.(selector, wait);
    if (envelope != null) return this.open(envelope);
    const operation = new ReceiveOne(selector, wait, this.open);
    channel.receive(operation);
    return this.pending.outcomeSync(operation, channel, options, `${verb} from`, () =>
      channel.cancelReceive(operation),
    );
  }

  /** What the call asks for. Throws what keeps it from starting. */
  private check(options: ReceiveOptions): Selector | null {
    if (options !== NO_OPTIONS || this.pending.closed) this.pending.check(options);
    const selector = options === NO_OPTIONS ? this.any : selectorOf(options, this.setup.from);
    if (this.failures.length > 0) throw this.failures.shift();
    return selector;
  }

  private takeMany(channel: Channel, selector: Selector | null, max: number): Message<T>[] {
    const taken: Message<T>[] = [];
    if (!checksAsItDecodes(this.setup.codec)) return taken;
    channel.takeMany?.(selector, max, (envelope) => {
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
