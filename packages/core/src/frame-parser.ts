import { markAsUntransferable } from 'node:worker_threads';
import { PigeonholeError } from './errors.js';
import { HEADER, MAX_HANDSHAKE } from './framing.js';

const NOTHING = Buffer.alloc(0);
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

/** Cuts a byte stream into frames. Checks every length before it allocates. Throws `ERR_FRAME`. */
export class FrameParser {
  /** Longest frame accepted, length field excluded. Raised after the handshake. */
  limit = MAX_HANDSHAKE;
  private partial: Buffer | null = null;
  private filled = 0;
  private readonly frame = new Frame();

  constructor(private readonly handle: (frame: Frame) => void) {}

  /** Takes the next bytes; keeps views of `bytes` when `owned`. */
  push(bytes: Uint8Array, owned: boolean): void {
    const chunk = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const position = this.partial === null ? 0 : this.complete(chunk);
    if (position < chunk.length) this.cut(chunk, position, owned);
    // An idle link must not keep its last message alive.
    this.frame.bytes = NOTHING;
    this.frame.view = NO_VIEW;
    this.frame.start = this.frame.end = 0;
  }

  /** Shows the frames from `position` on; what begins there and does not end is kept. */
  private cut(chunk: Buffer, position: number, owned: boolean): void {
    const length = chunk.length - position;
    if (owned) return this.cutFrom(chunk, viewOf(chunk), position, chunk.length);
    if (length > LARGEST_SHARED) {
      const own = Buffer.allocUnsafeSlow(length);
      chunk.copy(own, 0, position);
      return this.cutFrom(own, viewOf(own), 0, length);
    }
    const at = placeInSlab(length);
    chunk.copy(slab, at, position);
    this.cutFrom(slab, slabView, at, at + length);
  }

  private cutFrom(chunk: Buffer, view: DataView, from: number, to: number): void {
    let position = from;
    while (to - position >= 4) {
      const length = this.checked(view.getUint32(position, true));
      if (to - position - 4 < length) break;
      this.show(chunk, view, position, length);
      position += 4 + length;
    }
    if (position < to) this.keep(chunk.subarray(position, to));
  }

  /** Feeds a frame that began in an earlier chunk; returns how much of `chunk` it took. */
  private complete(chunk: Buffer): number {
    let partial = this.partial as Buffer;
    let position = 0;
    if (this.filled < 4) {
      const more = Math.min(4 - this.filled, chunk.length);
      chunk.copy(partial, this.filled, 0, more);
      this.filled += more;
      position = more;
      if (this.filled < 4) return position;
      const whole = Buffer.allocUnsafeSlow(4 + this.checked(partial.readUInt32LE(0)));
      partial.copy(whole, 0, 0, 4);
      this.partial = partial = whole;
    }
    const take = Math.min(partial.length - this.filled, chunk.length - position);
    chunk.copy(partial, this.filled, position, position + take);
    this.filled += take;
    position += take;
    if (this.filled === partial.length) {
      this.partial = null;
      this.show(partial, viewOf(partial), 0, partial.length - 4);
    }
    return position;
  }

  private keep(rest: Buffer): void {
    const length = rest.length < 4 ? 0 : this.checked(rest.readUInt32LE(0));
    this.partial = Buffer.allocUnsafeSlow(4 + length);
    this.filled = rest.copy(this.partial);
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

  private show(buffer: Buffer, view: DataView, at: number, length: number): void {
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
    this.handle(frame);
  }
}
