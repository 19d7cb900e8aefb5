import { PigeonholeError, show } from './errors.js';
import { type Loan, Loans } from './loan.js';
import type { Envelope } from './message.js';
import { bytesApart, fill, fillMany, sealMany, sendFilled } from './outgoing.js';
import { pace } from './pace.js';
import { Pending, unsupportedSync } from './pending.js';
import {
  type Marks,
  priorityOf,
  type Sealing,
  type Sound,
  seal,
  typeOf,
  validate,
  validateMany,
} from './sealing.js';
import { notAll, SendBatch } from './send-batch.js';
import type { Channel } from './transport.js';
import { SendOperation } from './waiters.js';
import type { WaitOptions } from './waiting.js';

export interface TrySendOptions {
  /** Positive 31-bit integer that receivers may select by. */
  type?: number;
  /** 0 (default) to 31; higher first where the mailbox's ordering is `'priority'`. */
  priority?: number;
}

export interface SendOptions extends TrySendOptions, WaitOptions {}

const OPTIONS = ['timeout', 'signal', 'type', 'priority'];
const NO_OPTIONS: SendOptions = Object.freeze({});

/** What of a `sendMany` could be sent within the call: how many bodies, and those behind them that have been encoded. */
interface AtOnce {
  readonly sent: number;
  readonly sealed: readonly Envelope[];
}

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
    this.pending = new Pending(setup.label, OPTIONS);
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
  send(body: T, options: SendOptions = NO_OPTIONS): Promise<void> {
    return this.start(body, options, true) as Promise<void>;
  }

  /**
   * Never waits for space: `true` when accepted; `false` when the mailbox is full, when at capacity 0 nobody is receiving, or
   * when nobody hosts it. Over a link it waits for the host's answer. Rejects as `send` does, but for waiting.
   */
  trySend(body: T, options: TrySendOptions & WaitOptions = NO_OPTIONS): Promise<boolean> {
    return this.start(body, options, false) as Promise<boolean>;
  }

  /**
   * Sends all, in order, with many on their way at once; resolves when all are accepted. If some are not, it rejects with
   * the first reason, and the error's `accepted` tells how many of the leading bodies were accepted; later ones may have been
   * accepted too only when that reason is a timeout, an abort, `ERR_CLOSED`, `ERR_OUTCOME_UNKNOWN` or `ERR_NO_SPACE`. Of the bodies which follow on one that
   * cannot be sent at all none is.
   */
  sendMany(bodies: Iterable<T>, options: SendOptions = {}): Promise<void> {
    try {
      if (typeof bodies?.[Symbol.iterator] !== 'function')
        throw new PigeonholeError(
          'ERR_CONFIG',
          `sendMany: bodies is ${show(bodies)}; it must be an iterable`,
        );
      const all = Array.from(bodies);
      const { schema, label } = this.setup;
      if (schema === undefined) return this.sendAll({ values: all, problem: undefined }, all.length, options);
      const sound = validateMany(all, schema, label);
      if (!(sound instanceof Promise)) return this.sendAll(sound, all.length, options);
      this.validating++;
      return sound
        .finally(() => this.validating--)
        .then((checked) => this.sendAll(checked, all.length, options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** `send`, blocking the thread. `ERR_UNSUPPORTED` where the transport's `capabilities.sync` is false. */
  sendSync(body: T, options: SendOptions = NO_OPTIONS): void {
    this.startSync(body, options, true, 'sendSync');
  }

  /** `trySend`, without a promise. `ERR_UNSUPPORTED` where the transport's `capabilities.sync` is false. */
  trySendSync(body: T, options: TrySendOptions = NO_OPTIONS): boolean {
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

  /**
   * @internal sends, for who needs no promise: null when it was accepted within the call, else the operation, for `outcome`. Throws what keeps
   * it from starting. Checks no schema.
   */
  put(body: T, type: number, options: WaitOptions): SendOperation | null {
    this.pending.checkWait(options);
    const sent = this.submit(body, type, 0, true);
    return typeof sent === 'boolean' || (sent.settled && !sent.failed) ? null : sent;
  }

  /** @internal the outcome of what `put` has returned, to be called at once; of `options` timeout and signal count */
  outcome(operation: SendOperation, options: WaitOptions): Promise<unknown> {
    const { channel } = this.setup;
    const cancel = (): void => channel.cancelSend(operation);
    return this.pending.outcome(operation, options, 'send to', cancel, channel);
  }

  private start(body: T, options: SendOptions, wait: boolean): Promise<boolean | undefined> {
    try {
      if (options !== NO_OPTIONS || this.pending.closed) this.pending.check(options);
      if (this.setup.schema === undefined) return this.dispatch(body, options, wait);
      const value = validate(body, this.setup.schema, this.setup.label);
      if (!(value instanceof Promise)) return this.dispatch(value, options, wait);
      this.validating++;
      return value
        .finally(() => this.validating--)
        .then((checked) => {
          this.pending.checkWait(options);
          return this.dispatch(checked, options, wait);
        });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  private dispatch(value: unknown, options: SendOptions, wait: boolean): Promise<boolean | undefined> {
    const sent = this.submit(value, typeOf(options), priorityOf(options), wait);
    if (typeof sent === 'boolean') return pace.promise(wait ? undefined : sent);
    const { channel } = this.setup;
    const cancel = (): void => channel.cancelSend(sent);
    return this.pending.outcome(sent, options, wait ? 'send to' : 'trySend to', cancel, channel);
  }

  /** Whether it was accepted, where that is known at once; else the operation that waits. */
  private submit(value: unknown, type: number, priority: number, wait: boolean): boolean | SendOperation {
    const { channel, codec } = this.setup;
    const { sendAtOnce } = channel;
    if (sendAtOnce !== undefined) {
      const bytes = bytesApart(value, this.setup, sendAtOnce);
      if (bytes !== null) return sendAtOnce.sendBytes?.(bytes, codec.id, type, priority, wait) ?? false;
      if (fill(value, this.setup, sendAtOnce)) return sendAtOnce.send(codec.id, type, priority, wait);
    }
    const operation = new SendOperation(seal(value, type, priority, this.setup), wait);
    channel.send(operation);
    return operation;
  }

  /** Sends the leading bodies of `all`. */
  private sendAll({ values, problem }: Sound, all: number, options: SendOptions): Promise<void> {
    let marks: Required<Marks>;
    try {
      this.pending.check(options);
      marks = { type: typeOf(options), priority: priorityOf(options) };
    } catch (error) {
      return Promise.reject(notAll(error, 0, all));
    }
    const { sent, sealed } = this.sendManyAtOnce(values, marks);
    // None is a call, too: who has nothing to send again and again is not to keep the event loop from turning.
    if (sent === all) return pace.promise(undefined, Math.max(sent, 1));
    const { channel } = this.setup;
    const rest = sealMany(values, sent + sealed.length, marks, this.setup, channel.sendAtOnce);
    const batch = new SendBatch(channel, [...sealed, ...rest.values], sent, all, rest.problem ?? problem);
    const outcome = this.pending.outcome(batch, options, 'send to', () => undefined, channel);
    batch.send();
    return outcome;
  }

  /** Sends those of the first bodies that need not wait; how many, and those behind them that have been encoded. */
  private sendManyAtOnce(bodies: readonly unknown[], marks: Required<Marks>): AtOnce {
    const { channel, codec } = this.setup;
    const { sendAtOnce } = channel;
    let sent = 0;
    if (sendAtOnce === undefined) return { sent, sealed: [] };
    try {
      while (sent < bodies.length) {
        const bytes = bytesApart(bodies[sent], this.setup, sendAtOnce);
        if (bytes !== null) {
          if (sendAtOnce.sendBytes?.(bytes, codec.id, marks.type, marks.priority, false) !== true) break;
          sent++;
          continue;
        }
        const count = fillMany(bodies, sent, this.setup, sendAtOnce);
        if (count === 0) break;
        const { accepted, sealed } = sendFilled(sendAtOnce, count, marks, this.setup);
        sent += accepted;
        if (accepted < count) return { sent, sealed };
      }
    } catch {
      // The next, sent by itself, meets it too: then it is known how many were accepted before.
    }
    return { sent, sealed: [] };
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
    const sent = this.submit(value, typeOf(options), priorityOf(options), wait);
    if (typeof sent === 'boolean') return wait ? undefined : sent;
    const cancel = (): void => channel.cancelSend(sent);
    return this.pending.outcomeSync(sent, channel, options, `${verb} to`, cancel, channel);
  }
}
