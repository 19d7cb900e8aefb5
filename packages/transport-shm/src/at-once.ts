import { type Envelope, type Selector, type SendAtOnce, SendOperation } from '@pigeonhole/core/transport';
import { native, type ShmBuffers, type ShmMailbox } from '@pigeonhole/native';
import { FRAME } from './letter.js';
import type { SharedMailbox } from './mailbox.js';
import { NOTHING, type Receives, TOO_LARGE } from './receives.js';

const [ACCEPTED, REFUSED] = [0, 1];

/** A message that waits in shared memory has its body there. */
const POSTED = new Uint8Array(0);

/** What a mailbox in shared memory can do within a call: the native part does all of it in one. */
export class AtOnce implements SendAtOnce {
  readonly outgoing: Uint8Array;
  readonly lengths: Uint32Array;
  private readonly addon = native();
  private readonly number: number;

  constructor(
    private readonly mailbox: SharedMailbox,
    private readonly receives: Receives,
    private readonly shared: ShmMailbox,
    private readonly buffers: ShmBuffers,
  ) {
    this.number = shared.number;
    this.outgoing = buffers.outgoing;
    this.lengths = buffers.lengths;
  }

  send(codec: number, type: number, priority: number, wait: boolean): boolean | SendOperation {
    const { mailbox } = this;
    mailbox.checkAlive();
    this.mark(codec, type, priority);
    if (wait && mailbox.sendsQueue) return mailbox.enqueue(this.operation(this.body()));
    if (!wait && mailbox.attempt(() => mailbox.refusesTries())) return false;
    const sent = mailbox.attempt(() => this.addon.shmSend(this.number, wait ? 1 : 0));
    if (sent === ACCEPTED) mailbox.sent();
    if (sent === ACCEPTED || sent === REFUSED) return sent === ACCEPTED;
    return mailbox.keep(this.operation(POSTED));
  }

  sendMany(count: number, codec: number, type: number, priority: number): number {
    const { mailbox } = this;
    mailbox.checkAlive();
    if (mailbox.sendsQueue) return 0;
    this.mark(codec, type, priority);
    const sent = mailbox.attempt(() => this.addon.shmSendMany(this.number, count));
    if (sent > 0) mailbox.sent();
    return sent;
  }

  take(selector: Selector | null, blocking: boolean): Envelope | null {
    const { mailbox, receives } = this;
    mailbox.checkAlive();
    if (!receives.canTake(selector)) return null;
    const outcome = mailbox.attempt(() =>
      this.addon.shmReceive(this.number, receives.selectorFor(selector), blocking ? 1 : 0),
    );
    if (outcome === NOTHING) return null;
    const letter = receives.letter(0, 0, outcome === TOO_LARGE);
    if (outcome === TOO_LARGE) this.shared.take();
    mailbox.taken();
    return letter;
  }

  takeMany(selector: Selector | null, max: number, each: (envelope: Envelope) => void): void {
    const { mailbox, receives } = this;
    mailbox.checkAlive();
    for (let left = max; left > 0 && receives.canTake(selector); ) {
      const most = Math.min(left, this.buffers.frames.length / FRAME);
      let got: number;
      try {
        got = mailbox.attempt(() =>
          this.addon.shmReceiveMany(this.number, receives.selectorFor(selector), most),
        );
      } catch (error) {
        // What has been taken is not to be lost: the next call meets the fault again.
        if (left < max) return;
        throw error;
      }
      const count = Math.abs(got);
      for (let index = 0, at = 0; index < count; index++) {
        const large = got < 0 && index === count - 1;
        const letter = receives.letter(index, at, large);
        if (large) this.shared.take();
        else at += letter.length;
        each(letter);
      }
      if (count > 0) mailbox.taken();
      left -= count;
      if (got >= 0 && count < most) return;
    }
  }

  private mark(codec: number, type: number, priority: number): void {
    const { marks } = this.buffers;
    marks[0] = codec;
    marks[1] = type;
    marks[2] = priority;
    marks[3] = Date.now();
  }

  /** A copy, which `slice` of a Buffer is not. */
  private body(): Uint8Array {
    const { outgoing, lengths } = this.buffers;
    return new Uint8Array(outgoing.subarray(0, lengths[0]));
  }

  private operation(body: Uint8Array): SendOperation {
    const [codec, type, priority, sentAt] = this.buffers.marks as unknown as [number, number, number, number];
    return new SendOperation({ body, codec, from: '', type, priority, sentAt }, true);
  }
}
