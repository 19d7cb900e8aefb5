import { Buffer } from 'node:buffer';
import { PigeonholeError } from './errors.js';
import type { Envelope } from './message.js';

/**
 * Frames of the link protocol, version 1. All integers little-endian. `docs/protocol.md` draws them; its test vectors are replayed
 * by a test.
 *
 * ```
 * every frame   | length u32 | kind u8 | a u8 | b u8 | c u8 | channel u32 | number u32 | rest … |
 *                 length counts what follows it; 12 bytes when rest is empty
 * ```
 */
export const PROTOCOL_VERSION = 1;
export const HEADER = 16;
/** Frames of a link whose other side has not said who it is may not be longer. */
export const MAX_HANDSHAKE = 4096;
/** What a frame may carry beside a body: names, header. */
export const FRAME_OVERHEAD = 1024;
/** JSON in a frame may not be longer: a parsed value takes many times the room of its text. */
export const MAX_JSON = 64 * 1024;

export const Kind = {
  /** Both: who I am. rest = JSON. Always the first frame. */
  hello: 1,
  /** Opener: this channel is that mailbox. rest = JSON. */
  open: 2,
  /** Host: channel is open. rest = JSON. */
  opened: 3,
  /** Host: it is not. rest = JSON {code, message}; code 'NOT_HOST' when another process is to be asked. */
  refused: 4,
  /** Opener: a message. a = codec, b = priority, c = 1: do not wait. rest = type u32, sentAt f64, body. */
  send: 5,
  /** Host: sends `number` to `number + count - 1` are accepted. rest = count u32. */
  accept: 6,
  /** Host: send `number` is not accepted. a = `Reject`. rest = JSON {code, message} for `Reject.error`. */
  reject: 7,
  /** Opener: withdraw send `number`. The answer is `accept` or `reject`. */
  cancel: 8,
  /** Opener: give me messages. c = 1: do not wait. rest = max u32, then JSON selector or nothing. */
  pull: 9,
  /** Host: a message for pull `number`. a = codec, b = priority. rest = type u32, sentAt f64, delivery u32, order u32, returned u32, from (u8 length + bytes), body. */
  deliver: 10,
  /** Host: no (more) messages for pull `number`. */
  empty: 11,
  /** Opener: pull `number` is over. A delivery on its way is given back. */
  cancelPull: 12,
  /** Opener: deliveries `number` to `number + count - 1` have their receiver. rest = count u32. */
  taken: 13,
  /** Opener: delivery `number` goes back to its place. */
  giveBack: 14,
  /** Host: so many (`number`, modulo 2^32) of this channel's messages have been received. */
  progress: 15,
  /** Opener: done with this channel. */
  detach: 16,
  /** Host: I am giving this mailbox up; look for the next host. */
  moved: 17,
  /** Former host: message `number` was accepted; take it into mailbox. a = codec, b = priority. rest = type u32, sentAt f64, mailbox, from, body. */
  adopt: 18,
  /** Next host: message `number` is in the mailbox. */
  adopted: 19,
  /** Either: answer me. */
  ping: 20,
  pong: 21,
  /** Either: I am closing because … rest = JSON {code, message}. */
  error: 22,
  /** Either, to a process on another host: do you host this mailbox? rest = JSON {mailbox}. */
  ask: 23,
  /** Answer to ask `number`. rest = JSON {claim: 'owned' | 'raised' | null, transport?}. */
  answer: 24,
  /** Either, to a process on another host: I have begun or ceased to host it. rest = JSON {mailbox, hosts}. */
  news: 25,
} as const;

export const Reject = { full: 0, cancelled: 1, moved: 2, error: 3 } as const;

/** Small enough that a copy into the batch is cheaper than a write of its own. */
const COPY_LIMIT = 32 * 1024;
const BATCH = 64 * 1024;

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}

/** What numbers a delivery. */
export interface DeliveryNumbers {
  /** By which it is taken or given back. */
  readonly delivery: number;
  /** Its place in the mailbox's order of acceptance, modulo 2^32. */
  readonly order: number;
  /** How many deliveries of this channel the host had been given back when it sent this one, modulo 2^32. */
  readonly returned: number;
}

/** Collects the frames of one turn into few batches. */
export class FrameWriter {
  private batch = Buffer.allocUnsafeSlow(4096);
  /** Of the batch: writes numbers several times as fast as the methods of Buffer do. */
  private view = viewOf(this.batch);
  /** What has been collected lies from here to `position`. */
  private begin = 0;
  private position = 0;
  private size = 4096;
  /** Bytes so far in frames that carry no message: most of them are answers. */
  answers = 0;

  /**
   * `emit` takes each full batch. If `isDone` says so just after, its memory is used again, for new memory costs a page fault for each 4 KiB and makes V8
   * collect garbage sooner; otherwise it is never touched again.
   */
  constructor(
    private readonly emit: (batch: Uint8Array) => void,
    private readonly isDone: () => boolean = () => false,
  ) {}

  get pendingBytes(): number {
    return this.position - this.begin;
  }

  frame(kind: number, channel: number, number: number, a = 0, b = 0, c = 0): void {
    this.answers += HEADER;
    this.header(kind, channel, number, 0, a, b, c);
  }

  counted(kind: number, channel: number, number: number, count: number): void {
    this.answers += HEADER + 4;
    const at = this.header(kind, channel, number, 4, 0, 0, 0);
    this.view.setUint32(at, count, true);
  }

  json(kind: number, channel: number, number: number, value: unknown, a = 0): void {
    const text = Buffer.from(JSON.stringify(value));
    this.answers += HEADER + text.length;
    const at = this.header(kind, channel, number, text.length, a, 0, 0);
    this.batch.set(text, at);
  }

  send(channel: number, number: number, message: Envelope, wait: boolean): void {
    const at = this.header(
      Kind.send,
      channel,
      number,
      12,
      message.codec,
      message.priority,
      wait ? 0 : 1,
      message.body.length,
    );
    this.meta(at, message);
    this.body(message.body);
  }

  pull(channel: number, number: number, wait: boolean, max: number, selector: unknown): void {
    const text = selector === null ? undefined : Buffer.from(JSON.stringify(selector));
    const at = this.header(Kind.pull, channel, number, 4 + (text?.length ?? 0), 0, 0, wait ? 0 : 1);
    this.view.setUint32(at, max, true);
    if (text !== undefined) this.batch.set(text, at + 4);
  }

  deliver(channel: number, pull: number, as: DeliveryNumbers, message: Envelope): void {
    const { body, codec, from, priority } = message;
    const at = this.header(Kind.deliver, channel, pull, 25 + from.length, codec, priority, 0, body.length);
    this.meta(at, message);
    this.view.setUint32(at + 12, as.delivery, true);
    this.view.setUint32(at + 16, as.order, true);
    this.view.setUint32(at + 20, as.returned, true);
    this.name(at + 24, from);
    this.body(body);
  }

  adopt(number: number, mailbox: string, message: Envelope): void {
    const { body, codec, from, priority } = message;
    const at = this.header(
      Kind.adopt,
      0,
      number,
      14 + mailbox.length + from.length,
      codec,
      priority,
      0,
      body.length,
    );
    this.meta(at, message);
    this.name(at + 12, mailbox);
    this.name(at + 13 + mailbox.length, from);
    this.body(body);
  }

  /** Hands over what has been collected. */
  flush(): void {
    if (this.position === this.begin) return;
    const { begin } = this;
    const batch = this.batch.subarray(begin, this.position);
    // The rest of the slab is still unused: go on in it, so that small batches do not each cost an allocation.
    this.begin = this.position;
    this.emit(batch);
    if (this.isDone()) this.begin = this.position = begin;
    else if (this.batch.length - this.begin < HEADER) this.renew(0);
  }

  private meta(at: number, message: Envelope): void {
    this.view.setUint32(at, message.type, true);
    this.view.setFloat64(at + 4, message.sentAt, true);
  }

  /** Names are ASCII (R1), so bytes and characters agree. */
  private name(at: number, name: string): void {
    this.batch[at] = name.length;
    this.batch.write(name, at + 1, 'latin1');
  }

  /** Writes a header and makes room for `rest` bytes, whose position it returns; `body` bytes follow through `body()`. */
  private header(
    kind: number,
    channel: number,
    number: number,
    rest: number,
    a: number,
    b: number,
    c: number,
    body = 0,
  ): number {
    this.reserve(HEADER + rest + (body <= COPY_LIMIT ? body : 0));
    const { view, position } = this;
    view.setUint32(position, HEADER - 4 + rest + body, true);
    view.setUint32(position + 4, kind | (a << 8) | (b << 16) | (c << 24), true);
    view.setUint32(position + 8, channel, true);
    view.setUint32(position + 12, number, true);
    this.position = position + HEADER + rest;
    return position + HEADER;
  }

  private body(bytes: Uint8Array): void {
    if (bytes.length <= COPY_LIMIT) {
      this.batch.set(bytes, this.position);
      this.position += bytes.length;
    } else {
      this.flush();
      this.emit(bytes);
    }
  }

  private reserve(length: number): void {
    if (this.position + length <= this.batch.length) return;
    this.flush();
    if (this.position + length > this.batch.length || this.batch.length < BATCH) this.renew(length);
  }

  private renew(atLeast: number): void {
    this.size = Math.min(this.size * 2, BATCH);
    this.batch = Buffer.allocUnsafeSlow(Math.max(this.size, atLeast));
    this.view = viewOf(this.batch);
    this.begin = this.position = 0;
  }
}

/** The JSON object in `bytes`. Throws `ERR_FRAME`. */
export function parseJson(bytes: Buffer): Record<string, unknown> {
  if (bytes.length > MAX_JSON)
    throw new PigeonholeError(
      'ERR_FRAME',
      `a frame holds JSON of ${bytes.length} bytes; the most is ${MAX_JSON}`,
    );
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch (cause) {
    throw new PigeonholeError('ERR_FRAME', 'a frame holds what is not JSON where JSON belongs', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new PigeonholeError(
      'ERR_FRAME',
      'a frame holds JSON that is not an object where an object belongs',
    );
  return value as Record<string, unknown>;
}
