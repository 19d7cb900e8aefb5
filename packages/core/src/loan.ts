import { tooLarge } from './codec/limits.js';
import { CodecId, codecById } from './codec.js';
import { PigeonholeError, show } from './errors.js';
import { type Pending, unsupportedSync } from './pending.js';
import { priorityOf, typeOf } from './sealing.js';
import type { SenderSetup, SendOptions, TrySendOptions } from './sender.js';
import type { Lent } from './transport.js';
import { SendOperation } from './waiters.js';
import type { WaitOptions } from './waiting.js';

/**
 * Memory for one body, to be written in place and sent without a copy where the transport can (`Sender.loan`). Belongs to the
 * application until it is committed, cancelled or disposed of, or its sender is closed; then `bytes` is detached: it has length 0, and
 * nothing written through it, or through another view that was kept, reaches the message. Operations that still write into it
 * in the background must have ended by then.
 */
export class Loan {
  private view: Uint8Array;
  private state: 'open' | 'committing' | 'over' = 'open';

  /** @internal use `sender.loan()` */
  constructor(
    private readonly setup: SenderSetup,
    private readonly pending: Pending,
    private readonly loans: Loans,
    private readonly memory: Lent,
  ) {
    this.view = memory.open();
  }

  /** As many as were asked for; their content is undefined until it is written. */
  get bytes(): Uint8Array {
    return this.view;
  }

  /**
   * Sends the body, as `Sender.send` does, and resolves when it is accepted. The loan is over whatever comes of it, unless
   * an option is wrong (`ERR_CONFIG`) or the signal was aborted before.
   */
  commit(options: SendOptions = {}): Promise<void> {
    return this.start(options, true) as Promise<void>;
  }

  /** As `Sender.trySend`. `false`: the loan goes on, with the same content; ask for `bytes` anew. */
  tryCommit(options: TrySendOptions & WaitOptions = {}): Promise<boolean> {
    return this.start(options, false) as Promise<boolean>;
  }

  /** `commit`, blocking the thread. `ERR_UNSUPPORTED` where the transport's `capabilities.sync` is false. */
  commitSync(options: SendOptions = {}): void {
    this.startSync(options, true, 'commitSync');
  }

  /** `tryCommit`, without a promise. `ERR_UNSUPPORTED` where the transport's `capabilities.sync` is false. */
  tryCommitSync(options: TrySendOptions = {}): boolean {
    return this.startSync(options, false, 'tryCommitSync') as boolean;
  }

  /** Gives the memory back unsent. Does nothing once the loan is committed or over. */
  cancel(): void {
    if (this.state === 'open') this.end();
  }

  [Symbol.dispose](): void {
    this.cancel();
  }

  private async start(options: SendOptions, wait: boolean): Promise<boolean | undefined> {
    const operation = this.operation(options, wait);
    const { channel } = this.setup;
    try {
      channel.send(operation);
      const verb = wait ? 'commit to' : 'tryCommit to';
      return this.settle(
        await this.pending.outcome(operation, options, verb, () => channel.cancelSend(operation), channel),
      );
    } catch (error) {
      this.end();
      throw error;
    }
  }

  private startSync(options: SendOptions, wait: boolean, verb: string): boolean | undefined {
    if (!this.setup.sync) throw unsupportedSync(verb, this.setup);
    const operation = this.operation(options, wait);
    const { channel } = this.setup;
    try {
      channel.send(operation);
      const cancel = (): void => channel.cancelSend(operation);
      return this.settle(
        this.pending.outcomeSync(operation, channel, options, `${verb} to`, cancel, channel),
      );
    } catch (error) {
      this.end();
      throw error;
    }
  }

  /** Throws where nothing has begun yet; else the body is out of the application's hands. */
  private operation(options: SendOptions, wait: boolean): SendOperation {
    this.pending.check(options);
    if (this.state !== 'open')
      throw new PigeonholeError(
        'ERR_CLOSED',
        `this loan of ${this.setup.label} is ${this.state === 'over' ? 'over: it was committed or cancelled' : 'being committed'}; take another with sender.loan()`,
        { address: this.setup.label },
      );
    const [type, priority] = [typeOf(options), priorityOf(options)];
    const body = this.memory.seal();
    this.state = 'committing';
    const { from } = this.setup;
    const operation = new SendOperation(
      { body, codec: CodecId.raw, from, type, priority, sentAt: Date.now() },
      wait,
    );
    if (!(this.memory instanceof HeapLoan)) operation.lent = this.memory;
    return operation;
  }

  private settle(accepted: boolean | undefined): boolean | undefined {
    if (accepted !== false) this.end();
    else if (this.loans.has(this.memory)) {
      this.view = this.memory.open();
      this.state = 'open';
    }
    return accepted;
  }

  private end(): void {
    this.state = 'over';
    this.loans.end(this.memory);
  }
}

/** The loans of one sender that are not over. */
export class Loans {
  private readonly open = new Set<Lent>();
  /** Those that the application has forgotten. */
  private readonly forgotten = new FinalizationRegistry<Lent>((memory) => this.end(memory));

  constructor(
    private readonly setup: SenderSetup,
    private readonly pending: Pending,
  ) {}

  lend(size: number): Loan {
    this.pending.check({});
    this.check(size);
    const memory = this.setup.channel.lend?.(size) ?? new HeapLoan(size);
    const loan = new Loan(this.setup, this.pending, this, memory);
    this.open.add(memory);
    this.forgotten.register(loan, memory, memory);
    return loan;
  }

  has(memory: Lent): boolean {
    return this.open.has(memory);
  }

  end(memory: Lent): void {
    this.forgotten.unregister(memory);
    if (this.open.delete(memory)) memory.drop();
  }

  /** The sender is closed: what is neither committed nor cancelled will not be sent. */
  close(): void {
    for (const memory of this.open) this.end(memory);
  }

  private check(size: number): void {
    const { codec, label, limits, schema } = this.setup;
    if (codec !== codecById(CodecId.raw))
      throw new PigeonholeError(
        'ERR_UNSUPPORTED',
        `loan of ${label}: its codec is '${codec.name}', and only bodies of codec 'raw' can be written in place; use send, or open it with codec: 'raw'`,
        { address: label },
      );
    if (schema !== undefined)
      throw new PigeonholeError(
        'ERR_UNSUPPORTED',
        `loan of ${label}: it has a schema, which may put another body in place of the one written; use send`,
        { address: label },
      );
    if (!(Number.isInteger(size) && size >= 0))
      throw new PigeonholeError(
        'ERR_CONFIG',
        `loan of ${label}: size is ${show(size)}; it must be a whole number of bytes from 0 to maxMessageBytes (${limits.maxMessageBytes})`,
      );
    if (size > limits.maxMessageBytes) throw tooLarge(String(size), limits.maxMessageBytes);
  }
}

/** Where the mailbox has no memory to lend: memory of this process, which commit hands over instead of copying it. */
class HeapLoan implements Lent {
  private buffer: ArrayBuffer;
  /** Whether the application can reach it. */
  private shown = false;

  constructor(private readonly size: number) {
    this.buffer = new ArrayBuffer(size);
  }

  open(): Uint8Array {
    this.shown = true;
    return new Uint8Array(this.buffer);
  }

  seal(): Uint8Array {
    if (this.buffer.byteLength !== this.size)
      throw new PigeonholeError(
        'ERR_UNSERIALIZABLE',
        `the ${this.size} bytes of a loan were transferred away; copy them instead, and take another loan`,
      );
    this.buffer = detach(this.buffer);
    this.shown = false;
    return new Uint8Array(this.buffer);
  }

  drop(): void {
    if (this.shown && this.buffer.byteLength > 0) detach(this.buffer);
  }
}

/** Detaches a buffer; what it held is in the one returned. */
export function detach(buffer: ArrayBuffer): ArrayBuffer {
  return structuredClone(buffer, { transfer: [buffer] });
}
