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
  /** Those that have settled are let go: their bodies may be large. */
  private readonly sends: (BatchedSend | undefined)[];
  /** How many the channel has been given. */
  private given = 0;
  private open: number;
  private lost = 0;
  /** Of those that failed the first, and why. */
  private firstLost: number;
  private reason: unknown;

  /**
   * `envelopes`: of the messages which follow on `before` that have been accepted. `all`: how many there were to be sent; if these are fewer,
   * `problem` is what the next one met.
   */
  constructor(
    private readonly channel: Channel,
    envelopes: readonly Envelope[],
    private readonly before: number,
    private readonly all: number,
    problem: unknown,
  ) {
    super();
    this.sends = envelopes.map((envelope, index) => new BatchedSend(envelope, this, index));
    this.open = envelopes.length;
    this.firstLost = envelopes.length;
    this.reason = problem;
  }

  /** Gives the channel all messages, in order. Whoever calls follows the batch already: meanwhile the application may close the handle. */
  send(): void {
    if (this.open === 0) this.conclude();
    while (this.given < this.sends.length) {
      const send = this.sends[this.given++];
      try {
        if (send !== undefined) this.channel.send(send);
      } catch (error) {
        for (let index = this.given - 1; index < this.sends.length; index++) this.sends[index]?.fail(error);
        return;
      }
    }
  }

  /** From the last one on: those that are accepted after all are the leading ones. */
  override giveUp(reason: unknown, _cancel?: () => void, lacked?: () => string): void {
    for (let index = this.sends.length - 1; index >= 0; index--) {
      const send = this.sends[index];
      if (send === undefined) continue;
      if (index >= this.given) send.fail(reason);
      else send.giveUp(reason, () => this.channel.cancelSend(send), lacked);
    }
  }

  override get failures(): number {
    return this.lost;
  }

  protected override get messages(): number {
    return this.sends.length;
  }

  /** One of them has settled. */
  ended(index: number): void {
    this.sends[index] = undefined;
    this.open--;
    if (this.open === 0) this.conclude();
  }

  /** One of them has failed. */
  missed(index: number, reason: unknown): void {
    this.lost++;
    if (index < this.firstLost) [this.firstLost, this.reason] = [index, reason];
    this.ended(index);
  }

  private conclude(): void {
    const accepted = this.before + this.firstLost;
    if (accepted < this.all) this.fail(notAll(this.reason, accepted, this.all));
    else this.settle(undefined);
  }
}

class BatchedSend extends SendOperation {
  constructor(
    envelope: Envelope,
    private readonly batch: SendBatch,
    private readonly index: number,
  ) {
    super(envelope, true);
  }

  override fail(error: unknown): void {
    if (this.settled) return;
    super.fail(error);
    this.batch.missed(this.index, error);
  }

  protected override settle(value: boolean | undefined): boolean {
    const settled = super.settle(value);
    if (settled) this.batch.ended(this.index);
    return settled;
  }
}

/** `reason`, of the message after those that were accepted. */
export function notAll(reason: unknown, accepted: number, all: number): unknown {
  if (!(reason instanceof PigeonholeError)) return reason;
  const message = `${reason.message} (${accepted} of ${all} accepted before it)`;
  return new PigeonholeError(reason.code, message, { ...reason, cause: reason.cause ?? reason, accepted });
}
