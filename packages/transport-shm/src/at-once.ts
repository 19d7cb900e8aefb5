import { type Envelope, type Selector, type SendAtOnce, SendOperation } from '@pigeonhole/core/transport';
import { native, type ShmBuffers, type ShmMailbox } from '@pigeonhole/native';
import { FRAME, type Letter } from './letter.js';
import type { SharedMailbox } from './mailbox.js';
import { BATCH_BYTES, NOTHING, type Receives, TOO_LARGE } from './receives.js';
import { ACCEPTED, REFUSED, type Sends } from './sends.js';

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
    private readonly sends: Sends,
    private readonly receives: Receives,
    private readonly shared: ShmMailbox,
    private readonly buffers: ShmBuffers,
  ) {
    this.number = shared.number;
    this.outgoing = buffers.outgoing;
    this.lengths = buffers.lengths;
  }

  send(codec: number, type: number, priority: number, wait: boolean): boolean | SendOperation {
    const { mailbox, sends } = this;
    mailbox.checkAlive();
    this.mark(codec, type, priority);
    if (wait && sends.queue) return sends.enqueue(this.operation(this.body()));
    if (!wait && mailbox.attempt(() => sends.refuseTries())) return false;
    const sent = mailbox.attempt(() => this.addon.shmSend(this.number, wait ? 1 : 0));
    if (sent === ACCEPTED) mailbox.sent();
    if (sent === ACCEPTED || sent === REFUSED) return sent === ACCEPTED;
    return sends.keep(this.operation(POSTED));
  }

  sendMany(count: number, codec: number, type: number, priority: number): number {
    const { mailbox, sends } = this;
    mailbox.checkAlive();
    if (sends.queue) return 0;
    this.mark(codec, type, priority);
    const sent = mailbox.attempt(() => this.addon.shmSendMany(this.number, count));
    if (sent > 0) mailbox.sent();
    return sent;
  }

  sendBytes(
    bytes: Uint8Array,
    codec: number,
    type: number,
    priority: number,
    wait: boolean,
  ): boolean | SendOperation {
    const { mailbox, sends } = this;
    mailbox.checkAlive();
    const envelope = { body: POSTED, codec, from: '', type, priority, sentAt: Date.now() };
    if (wait && sends.queue)
      return sends.enqueue(new SendOperation({ ...envelope, body: new Uint8Array(bytes) }, true));
    if (!wait && mailbox.attempt(() => sends.refuseTries())) return false;
    const sent = mailbox.attempt(() => this.shared.send(bytes, codec, type, priority, envelope.sentAt, wait));
    if (sent === ACCEPTED) mailbox.sent();
    if (sent === ACCEPTED || sent === REFUSED) return sent === ACCEPTED;
    return sends.keep(new SendOperation(envelope, true));
  }

  take(selector: Selector | null, blocking: boolean): Envelope | null {
    const { mailbox, receives } = this;
    mailbox.checkAlive();
    if (!receives.canTake(selector)) return null;
    const outcome = mailbox.attempt(() =>
      this.addon.shmReceive(this.number, receives.selectorFor(selector), blocking ? 1 : 0),
    );
    if (outcome === NOTHING) return null;
    const letter =
      outcome === TOO_LARGE ? mailbox.attempt(() => receives.takeApart(0)) : receives.letter(0, 0);
    mailbox.taken();
    return letter;
  }

  takeMany(selector: Selector | null, max: number, each: (envelope: Envelope) => void): void {
    const { mailbox, receives } = this;
    mailbox.checkAlive();
    let bytes = 0;
    const counting = (envelope: Envelope): void => {
      bytes += (envelope as Letter).length;
      each(envelope);
    };
    for (let left = max; left > 0 && bytes < BATCH_BYTES && receives.canTake(selector); ) {
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
      const passed = got < 0 ? count - 1 : count;
      for (let index = 0, at = 0; index < passed; index++) {
        const letter = receives.letter(index, at);
        at += letter.length;
        counting(letter);
      }
      const whole = got >= 0 || this.takeApart(count - 1, counting, left < max || count > 1);
      if (count > 0) mailbox.taken();
      if (!whole) return;
      left -= count;
      if (got >= 0 && count < most) return;
    }
  }

  /** Takes the last of so many, which is too large to have come with them. What has been taken before it is not to be lost: then `false`. */
  private takeApart(number: number, each: (envelope: Envelope) => void, others: boolean): boolean {
    let letter: Envelope;
    try {
      letter = this.mailbox.attempt(() => this.receives.takeApart(number));
    } catch (error) {
      if (others) return false;
      throw error;
    }
    each(letter);
    return true;
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
