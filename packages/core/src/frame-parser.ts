import { Buffer } from 'node:buffer';
import { markAsUntransferable } from 'node:worker_threads';
import { PigeonholeError } from './errors.js';
import { HEADER, MAX_HANDSHAKE } from './framing.js';

const NOTHING: Buffer = Buffer.alloc(0);
const NO_VIEW = viewOf(NOTHING);

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}

/** One frame as the parser shows it: valid only during the call, but for views of `bytes`, which are the handler's if `owned`. */
export class Frame {
  kind = 0;
  a = 0;
  b = 0;
  c = 0;
  channel = 0;
  number = 0;
  /** What follows the header lies from `start` to `end` of these. */
  bytes: Buffer = NOTHING;
  /** The same, for numbers: reads them in half the time that the methods of Buffer take. */
  view: DataView = NO_VIEW;
  start = 0;
  end = 0;
  /** Nothing else lies in that memory, and nobody else has it. */
  own = false;

  /** A view of what follows the header: made anew each time, so not for what comes with every message. */
  get rest(): Buffer {
    return this.bytes.subarray(this.start, this.end);
  }
}

/** Chunks up to so long, where they are not the reader's to keep, are copied side by side into memory that they share. */
const LARGEST_SHARED = 4096;
/** What a small message can keep alive at most: as much as in Node's own pool. */
const SLAB = 8192;

/** For all links of a thread. Nobody can transfer it away, of whom a codec shows a part of it. */
let slab = NOTHING;
let slabView = NO_VIEW;
let slabUsed = 0;

/** A place of so many bytes in the slab. */
function placeInSlab(length: number): number {
  if (slab.length - slabUsed < length) {
    slab = Buffer.allocUnsafeSlow(SLAB);
    markAsUntransferable(slab.buffer);
    slabView = viewOf(slab);
    slabUsed = 0;
  }
  const at = slabUsed;
  slabUsed += length;
  return at;
}

/**
 * A frame so long is read to where it belongs. After it, the next read is for the head of another: what comes with that must be copied, so
 * it asks for little.
 */
const LONG = 32 * 1024;
const PEEK = 512;

/** Before a frame in memory of its own: so the body of a `send`, behind a head of 28 bytes, begins where typed arrays of any kind can. */
const PADDING = 4;

function memoryFor(frame: number): Buffer {
  return Buffer.allocUnsafeSlow(PADDING + frame).subarray(PADDING);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What links read into was this, all the time: to make a view for each read would cost as much as to go through a short frame. */
let intake: Uint8Array = NOTHING;
let intakeBuffer = NOTHING;
let intakeView = NO_VIEW;

/** Cuts a byte stream into frames. Checks every length before it allocates. Throws `ERR_FRAME`. */
export class FrameParser {
  /** Longest frame accepted, length field excluded. Raised after the handshake. */
  limit = MAX_HANDSHAKE;
  private partial: Buffer | null = null;
  /** Bytes of `partial` that have come. */
  private come = 0;
  private readonly frame = new Frame();
  private afterLong = false;
  /** What `place` has given, and whether that was a part of `partial`. */
  private given = NOTHING;
  private inPlace = false;

  constructor(private readonly handle: (frame: Frame) => void) {}

  /** Where the next bytes are to be read to, instead of being pushed: into the long frame that they belong to, or `shared`. */
  place(shared: Uint8Array): Uint8Array {
    const { partial, come } = this;
    this.inPlace = partial !== null && partial.length >= LONG;
    if (this.inPlace) this.given = (partial as Buffer).subarray(come);
    else {
      if (shared !== intake) {
        intake = shared;
        intakeBuffer = asBuffer(shared);
        intakeView = viewOf(intakeBuffer);
      }
      this.given = this.afterLong && partial === null ? intakeBuffer.subarray(0, PEEK) : intakeBuffer;
    }
    return this.given;
  }

  /** So many bytes have been read to where `place` said. */
  filled(bytes: number): void {
    const { given } = this;
    this.given = NOTHING;
    if (!this.inPlace) return this.take(given, bytes, false);
    this.come += bytes;
    if (this.come === this.partial?.length) this.showPartial();
    this.forget();
  }

  /** Takes the next bytes; keeps views of `bytes` when `owned`. */
  push(bytes: Uint8Array, owned: boolean): void {
    this.take(asBuffer(bytes), bytes.length, owned);
  }

  private take(chunk: Buffer, length: number, owned: boolean): void {
    const position = this.partial === null ? 0 : this.complete(chunk, length);
    if (position < length) this.cut(chunk, position, length, owned);
    this.forget();
  }

  /** An idle link must not keep its last message alive. */
  private forget(): void {
    this.frame.bytes = NOTHING;
    this.frame.view = NO_VIEW;
    this.frame.start = this.frame.end = 0;
  }

  /** Shows the frames from `from` to `to`; what begins there and does not end is kept. */
  private cut(chunk: Buffer, from: number, to: number, owned: boolean): void {
    const view = chunk === intakeBuffer ? intakeView : viewOf(chunk);
    let position = from;
    for (;;) {
      const end = this.endOfFrames(view, position, to);
      if (end === position) break;
      this.afterLong = false;
      this.showAll(chunk, view, position, end, owned);
      position = end;
      if (end === to) return;
      // Once more, for the first frame may have raised the limit.
    }
    this.keep(chunk.subarray(position, to));
  }

  /** Where the last of the frames that are whole, and may be, ends. */
  private endOfFrames(view: DataView, from: number, to: number): number {
    let position = from;
    while (to - position >= 4) {
      const length = view.getUint32(position, true);
      if (to - position - 4 < length || !this.allows(length)) break;
      position += 4 + length;
    }
    return position;
  }

  /** What a handler may keep does not lie in `chunk`, unless that is `owned`. */
  private showAll(chunk: Buffer, view: DataView, from: number, to: number, owned: boolean): void {
    const length = to - from;
    if (owned) this.show(chunk, view, from, to);
    else if (length > LARGEST_SHARED) {
      const own = Buffer.allocUnsafeSlow(length);
      chunk.copy(own, 0, from, to);
      this.show(own, viewOf(own), 0, length);
    } else {
      const at = placeInSlab(length);
      chunk.copy(slab, at, from, to);
      this.show(slab, slabView, at, at + length);
    }
  }

  private show(chunk: Buffer, view: DataView, from: number, to: number): void {
    for (let position = from; position < to; ) {
      const length = view.getUint32(position, true);
      this.showOne(chunk, view, position, length, false);
      position += 4 + length;
    }
  }

  /** Feeds a frame that began in an earlier chunk; returns how much of `chunk` it took. */
  private complete(chunk: Buffer, length: number): number {
    let partial = this.partial as Buffer;
    let position = 0;
    if (this.come < 4) {
      const more = Math.min(4 - this.come, length);
      chunk.copy(partial, this.come, 0, more);
      this.come += more;
      position = more;
      if (this.come < 4) return position;
      const whole = memoryFor(4 + this.checked(partial.readUInt32LE(0)));
      partial.copy(whole, 0, 0, 4);
      this.partial = partial = whole;
    }
    const take = Math.min(partial.length - this.come, length - position);
    chunk.copy(partial, this.come, position, position + take);
    this.come += take;
    if (this.come === partial.length) this.showPartial();
    return position + take;
  }

  private showPartial(): void {
    const partial = this.partial as Buffer;
    this.partial = null;
    this.afterLong = partial.length >= LONG;
    this.showOne(partial, viewOf(partial), 0, partial.length - 4, true);
  }

  private keep(rest: Buffer): void {
    const length = rest.length < 4 ? 0 : this.checked(rest.readUInt32LE(0));
    this.partial = memoryFor(4 + length);
    this.come = rest.copy(this.partial);
  }

  private allows(length: number): boolean {
    return length >= HEADER - 4 && length <= this.limit;
  }

  private checked(length: number): number {
    if (length < HEADER - 4)
      throw new PigeonholeError(
        'ERR_FRAME',
        `a frame says it has ${length} bytes; the least is ${HEADER - 4}`,
      );
    if (length > this.limit)
      throw new PigeonholeError(
        'ERR_FRAME',
        `a frame says it has ${length} bytes; the limit here is ${this.limit}`,
      );
    return length;
  }

  private showOne(buffer: Buffer, view: DataView, at: number, length: number, own: boolean): void {
    const { frame } = this;
    frame.kind = buffer[at + 4] as number;
    frame.a = buffer[at + 5] as number;
    frame.b = buffer[at + 6] as number;
    frame.c = buffer[at + 7] as number;
    frame.channel = view.getUint32(at + 8, true);
    frame.number = view.getUint32(at + 12, true);
    frame.bytes = buffer;
    frame.view = view;
    frame.start = at + HEADER;
    frame.end = at + 4 + length;
    frame.own = own;
    this.handle(frame);
  }
}
