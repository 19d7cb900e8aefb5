import { Buffer } from 'node:buffer';
import { CodecId, codecById } from './codec.js';
import { PigeonholeError } from './errors.js';
import { detach } from './loan.js';
import type { Envelope, Message, Selector } from './message.js';
import { messageOf, openEnvelope, selectorOf } from './opening.js';
import type { Pending } from './pending.js';
import type { ReceiveOptions, ReceiverSetup } from './receiver.js';
import { Delivery, ReceiveOperation } from './waiters.js';

/** A message that is being read, and how its reading ends. */
class Borrowed<T> {
  reading = false;

  constructor(
    readonly message: Message<T>,
    readonly end: () => void,
  ) {}
}

/** The messages that one receiver has borrowed. */
export class Borrows<T> {
  private readonly open = new Set<Borrowed<T>>();
  private readonly openEnvelope = (envelope: Envelope): Message<T> => openEnvelope(envelope, this.setup);

  constructor(
    private readonly setup: ReceiverSetup,
    private readonly pending: Pending,
  ) {}

  async borrow<R>(read: (message: Message<T>) => R | Promise<R>, options: ReceiveOptions): Promise<R> {
    this.pending.check(options);
    this.check();
    const { channel, from } = this.setup;
    const operation = new Borrowing(selectorOf(options, from), this.openEnvelope, this.open);
    channel.receive(operation);
    const borrowed = await this.pending.outcome(operation, options, 'borrow from', () =>
      channel.cancelReceive(operation),
    );
    borrowed.reading = true;
    try {
      return await read(borrowed.message);
    } finally {
      if (this.open.delete(borrowed)) borrowed.end();
    }
  }

  /** Ends them all. A message that is about to be read is read from a copy, as one that was received just before. */
  close(): void {
    for (const borrowed of this.open) {
      const { message, reading, end } = borrowed;
      if (!reading && message.body instanceof Uint8Array) message.body = Buffer.from(message.body) as T;
      end();
    }
    this.open.clear();
  }

  private check(): void {
    const { codec, label } = this.setup;
    if (codec === codecById(CodecId.raw)) return;
    throw new PigeonholeError(
      'ERR_UNSUPPORTED',
      `borrow from ${label}: its codec is '${codec.name}', and only bodies of codec 'raw' can be read where they lie; use receive, or open it with codec: 'raw'`,
      { address: label },
    );
  }
}

/** Waits for one message to borrow. */
class Borrowing<T> extends ReceiveOperation<Borrowed<T>> {
  constructor(
    selector: Selector | null,
    private readonly open: (envelope: Envelope) => Message<T>,
    private readonly borrows: Set<Borrowed<T>>,
  ) {
    super(selector, true);
  }

  deliver(envelope: Envelope): Delivery {
    if (this.settled) return Delivery.declined;
    if (envelope.codec === CodecId.raw) {
      const body = own(envelope.body);
      this.lend({ ...envelope, body }, () => {
        if (body.byteLength > 0) detach(body.buffer);
      });
    } else this.lend(envelope, () => {});
    return Delivery.taken;
  }

  empty(): void {}

  override lend(envelope: Envelope, end: () => void): void {
    try {
      const borrowed = new Borrowed(this.messageOf(envelope), end);
      this.borrows.add(borrowed);
      this.settle(borrowed);
    } catch (error) {
      // As a message that was received and cannot be decoded.
      this.fail(error);
      end();
    }
  }

  private messageOf(envelope: Envelope): Message<T> {
    if (envelope.codec !== CodecId.raw) return this.open(envelope);
    const { buffer, byteOffset, byteLength } = envelope.body;
    return messageOf(envelope, Buffer.from(buffer, byteOffset, byteLength) as T);
  }
}

/** The bytes in a buffer that holds nothing else, so that it can be detached: themselves, if it does already. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength)
    return bytes as Uint8Array<ArrayBuffer>;
  return new Uint8Array(bytes);
}
