import { PigeonholeError } from './errors.js';
import { type Loan, Loans } from './loan.js';
import { pace } from './pace.js';
import { Pending, unsupportedSync } from './pending.js';
import { bytesApart, fill, fillMany, priorityOf, type Sealing, seal, typeOf, validate } from './sealing.js';
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
    // None is a call, too: who has nothing to send again and again is not to keep the event loop from turning.
    if (first === all.length) return pace.promise(undefined, Math.max(first, 1));
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

  /**
   * @internal sends, for who needs no promise: null when it was accepted within the call, else the operation, for `outcome`. Throws what keeps
   * it from starting. Checks no schema.
   */
  put(body: T, type: number, options: WaitOptions): SendOperation | null {
    this.pending.check(options);
    const sent = this.submit(body, type, 0, true);
    return typeof sent === 'boolean' || (sent.settled && !sent.failed) ? null : sent;
  }

  /** @internal the outcome of what `put` has returned, to be called at once; of `options` timeout and signal count */
  outcome(operation: SendOperation, options: WaitOptions): Promise<unknown> {
    return this.pending.outcome(operation, options, 'send to', () =>
      this.setup.channel.cancelSend(operation),
    );
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
    const sent = this.submit(value, typeOf(options), priorityOf(options), wait);
    if (typeof sent === 'boolean') return pace.promise(wait ? undefined : sent);
    return this.pending.outcome(sent, options, wait ? 'send to' : 'trySend to', () =>
      this.setup.channel.cancelSend(sent),
    );
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

  /** Sends those of the first bodies that need not wait; how many were accepted. */
  private sendManyAtOnce(bodies: readonly T[], options: SendOptions): number {
    const { channel, codec, schema } = this.setup;
    const { sendAtOnce } = channel;
    if (sendAtOnce === undefined || schema !== undefined) return 0;
    let sent = 0;
    try {
      this.pending.check(options);
      const type = typeOf(options);
      const priority = priorityOf(options);
      while (sent < bodies.length) {
        const bytes = bytesApart(bodies[sent], this.setup, sendAtOnce);
        if (bytes !== null) {
          if (sendAtOnce.sendBytes?.(bytes, codec.id, type, priority, false) !== true) break;
          sent++;
          continue;
        }
        const count = fillMany(bodies, sent, this.setup, sendAtOnce);
        const accepted = count === 0 ? 0 : sendAtOnce.sendMany(count, codec.id, type, priority);
        sent += accepted;
        if (accepted < count || count === 0) break;
      }
    } catch {
      // The next, sent by itself, meets it too: then it is known how many were accepted before.
    }
    return sent;
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
    return this.pending.outcomeSync(sent, channel, options, `${verb} to`, () => channel.cancelSend(sent));
  }
}
