/**
 * A ring in a SharedArrayBuffer, for one producer and one consumer: what a careful engineer would write for two threads.
 *
 * ```
 * header, 32-bit words: [0] written   [32] read     (128 bytes apart: each side its own cache lines)
 * data, CAPACITY bytes: records of  length u32 | bytes | padding to 4
 * a length of WRAP sends the reader to the beginning
 * ```
 *
 * Positions count bytes modulo 2^32. Each side keeps the other's position until it must look again; each publishes a batch with one
 * store, which the other's load of the same word pairs with.
 */

const WRITTEN = 0;
const READ = 32;
const HEADER_BYTES = 256;
const WRAP = 0xffffffff;
/** Bytes; a power of two, so that positions wrap with it. */
const CAPACITY = 2 ** 22;

function padded(length: number): number {
  return (4 + length + 3) & ~3;
}

/** The shared memory of one ring. */
export function ringMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + CAPACITY);
}

class RingEnd {
  protected readonly header: Int32Array;
  protected readonly bytes: Uint8Array;
  protected readonly words: Uint32Array;
  /** This side's position, and the other's as last seen. */
  protected own = 0;
  protected seen = 0;

  constructor(memory: SharedArrayBuffer) {
    this.header = new Int32Array(memory, 0, HEADER_BYTES / 4);
    this.bytes = new Uint8Array(memory, HEADER_BYTES);
    this.words = new Uint32Array(memory, HEADER_BYTES);
  }
}

/** The producer's end. */
export class RingWriter extends RingEnd {
  /** Copies the message in; `false` when there is no room. It is seen after `publish()`. */
  write(message: Uint8Array): boolean {
    const needed = padded(message.length);
    let offset = this.own & (CAPACITY - 1);
    const rest = CAPACITY - offset;
    const skipped = rest < needed ? rest : 0;
    if (!this.hasRoom(needed + skipped)) return false;
    if (skipped > 0) {
      this.words[offset >>> 2] = WRAP;
      this.own = (this.own + skipped) | 0;
      offset = 0;
    }
    this.words[offset >>> 2] = message.length;
    this.bytes.set(message, offset + 4);
    this.own = (this.own + needed) | 0;
    return true;
  }

  publish(): void {
    Atomics.store(this.header, WRITTEN, this.own);
  }

  private hasRoom(needed: number): boolean {
    const used = (): number => (this.own - this.seen) | 0;
    if (used() + needed <= CAPACITY) return true;
    this.seen = Atomics.load(this.header, READ);
    return used() + needed <= CAPACITY;
  }
}

/** The consumer's end. */
export class RingReader extends RingEnd {
  /** Copies out the next message; `undefined` when there is none. Its room is free after `release()`. */
  read(): Uint8Array | undefined {
    if (this.own === this.seen) {
      this.seen = Atomics.load(this.header, WRITTEN);
      if (this.own === this.seen) return undefined;
    }
    let offset = this.own & (CAPACITY - 1);
    if (this.words[offset >>> 2] === WRAP) {
      this.own = (this.own + CAPACITY - offset) | 0;
      offset = 0;
    }
    const length = this.words[offset >>> 2] as number;
    this.own = (this.own + padded(length)) | 0;
    const message = Buffer.allocUnsafe(length);
    message.set(this.bytes.subarray(offset + 4, offset + 4 + length));
    return message;
  }

  release(): void {
    Atomics.store(this.header, READ, this.own);
  }
}
