import { PigeonholeError } from './errors.js';
import type { Envelope } from './message.js';
import type { Channel } from './transport.js';
import { SendOperation } from './waiters.js';
import { Operation } from './waiting.js';

/**
 * What of a `sendMany` is on its way: an operation for each message, and one promise, timeout and signal for all. It ends when the last of
 * them has.
 */
export class SendBatch extends Operation<void> {
  private readonly sends: BatchedSend[];
  /** How many the channel has been given. */
  private given = 0;
  private open: number;

  /**
   * `envelopes`: of the messages which follow on `before` that have been accepted. `all`: how many there were to be sent; if these are fewer,
   * `problem` is what the next one met.
   */
  constructor(
    private readonly channel: Channel,
    envelopes: readonly Envelope[],
    private readonly before: number,
    private readonly all: number,
    private readonly problem: unknown,
  ) {
    super();
    this.sends = envelopes.map((envelope) => new BatchedSend(envelope, this));
    this.open = this.sends.length;
  }

  /** Gives the channel all messages, in order. Whoever calls follows the batch already: meanwhile the application may close the handle. */
  send(): void {
    if (this.open === 0) this.conclude();
    while (this.given < this.sends.length) {
      const send = this.sends[this.given++] as BatchedSend;
      if (!send.settled) this.channel.send(send);
    }
  }

  /** From the last one on: those that are accepted after all are the leading ones. */
  override giveUp(reason: unknown): void {
    for (let index = this.sends.length - 1; index >= 0; index--) {
      const send = this.sends[index] as BatchedSend;
      if (index >= this.given) send.fail(reason);
      else send.giveUp(reason, () => this.channel.cancelSend(send));
    }
  }

  override get failures(): number {
    return this.failed ? this.sends.reduce((count, send) => count + send.failures, 0) : 0;
  }

  protected override get messages(): number {
    return this.sends.length;
  }

  /** One of them has settled. */
  ended(): void {
    this.open--;
    if (this.open === 0) this.conclude();
  }

  private conclude(): void {
    const first = this.sends.findIndex((send) => send.failed);
    if (first >= 0)
      this.fail(notAll((this.sends[first] as BatchedSend).reason, this.before + first, this.all));
    else if (this.before + this.sends.length < this.all)
      this.fail(notAll(this.problem, this.before + this.sends.length, this.all));
    else this.settle(undefined);
  }
}

class BatchedSend extends SendOperation {
  constructor(
    envelope: Envelope,
    private readonly batch: SendBatch,
  ) {
    super(envelope, true);
  }

  get reason(): unknown {
    return this.error;
  }

  override fail(error: unknown): void {
    if (this.settled) return;
    super.fail(error);
    this.batch.ended();
  }

  protected override settle(value: boolean | undefined): boolean {
    const settled = super.settle(value);
    if (settled) this.batch.ended();
    return settled;
  }
}

/** `reason`, of the message after those that were accepted. */
export function notAll(reason: unknown, accepted: number, all: number): unknown {
  if (!(reason instanceof PigeonholeError)) return reason;
  const message = `${reason.message} (${accepted} of ${all} accepted before it)`;
  return new PigeonholeError(reason.code, message, { ...reason, cause: reason.cause ?? reason, accepted });
}
