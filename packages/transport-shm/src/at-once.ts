import { type AtOnce, type Envelope, type Selector, SendOperation } from '@pigeonhole/core/transport';
import type { ShmBuffers, ShmMailbox } from '@pigeonhole/native';
import { FRAME } from './letter.js';
import type { SharedMailbox } from './mailbox.js';
import { NOTHING, type Receives, TOO_LARGE } from './receives.js';

const [ACCEPTED, REFUSED] = [0, 1];

/** What a mailbox in shared memory can do within a call: the native part does all of it in one. */
export class ShmAtOnce implements AtOnce {
  readonly outgoing: Uint8Array;
  readonly lengths: Uint32Array;

  constructor(
    private readonly mailbox: SharedMailbox,
    private readonly receives: Receives,
    private readonly shared: ShmMailbox,
    private readonly buffers: ShmBuffers,
  ) {
    this.outgoing = buffers.outgoing;
    this.lengths = buffers.lengths;
  }

  send(codec: number, type: number, priority: number, wait: boolean): boolean | SendOperation {
    const { mailbox } = this;
    mailbox.checkAlive();
    const sentAt = Date.now();
    if (wait && mailbox.sendsQueue) return mailbox.enqueue(this.operation(codec, type, priority, sentAt));
    const length = this.lengths[0] as number;
    let sent: number;
    try {
      sent = this.shared.sendOutgoing(length, codec, type, priority, sentAt, wait);
    } catch (error) {
      throw mailbox.failure(error);
    }
    if (sent === ACCEPTED) mailbox.sent();
    if (sent === ACCEPTED || sent === REFUSED) return sent === ACCEPTED;
    return mailbox.keep(this.operation(codec, type, priority, sentAt));
  }

  sendMany(count: number, codec: number, type: number, priority: number): number {
    const { mailbox } = this;
    mailbox.checkAlive();
    if (mailbox.sendsQueue) return 0;
    const sent = mailbox.attempt(() => this.shared.sendMany(count, codec, type, priority, Date.now()));
    if (sent > 0) mailbox.sent();
    return sent;
  }

  receive(selector: Selector | null): Envelope | null {
    const { mailbox, receives } = this;
    mailbox.checkAlive();
    if (!receives.canTake(selector)) return null;
    const outcome = mailbox.attempt(() => this.shared.receive(receives.selectorFor(selector)));
    if (outcome === NOTHING) return null;
    const letter = receives.letter(0, 0, outcome === TOO_LARGE);
    if (outcome === TOO_LARGE) this.shared.take();
    mailbox.taken();
    return letter;
  }

  receiveMany(selector: Selector | null, max: number, take: (envelope: Envelope) => void): void {
    const { mailbox, receives } = this;
    mailbox.checkAlive();
    for (let left = max; left > 0 && receives.canTake(selector); ) {
      const most = Math.min(left, this.buffers.frames.length / FRAME);
      const got = mailbox.attempt(() => this.shared.receiveMany(receives.selectorFor(selector), most));
      const count = Math.abs(got);
      for (let index = 0, at = 0; index < count; index++) {
        const large = got < 0 && index === count - 1;
        const letter = receives.letter(index, at, large);
        if (large) this.shared.take();
        else at += letter.length;
        take(letter);
      }
      if (count > 0) mailbox.taken();
      left -= count;
      if (got >= 0 && count < most) return;
    }
  }

  private operation(codec: number, type: number, priority: number, sentAt: number): SendOperation {
    const body = this.outgoing.slice(0, this.lengths[0]);
    return new SendOperation({ body, codec, from: '', type, priority, sentAt }, true);
  }
}
