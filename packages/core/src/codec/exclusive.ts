import { Buffer } from 'node:buffer';
import { markAsUntransferable } from 'node:worker_threads';

/** Bodies up to this share a slab: a typed array with a buffer of its own costs 500 bytes and 200 ns more. */
const LARGEST_SHARED = 512;
/** For so few bytes a loop beats the call, and the array that the call would take. */
const LONGEST_LOOPED = 128;
/** Memory up to this is kept in mind, for the next short body that lies in it: shared memory passes all bodies in as much. */
const LARGEST_KEPT = 65_536;
/** What one small body can keep alive at most, against 8 KiB in Node's own pool. */
const SLAB = 2048;
/** Received bodies up to this share a slab, too: with a buffer of its own, one of 1 KiB takes twice as long. */
const LARGEST_TOGETHER = 4096;
/** So many bodies of the largest size that a slab is for have room in it: what one keeps alive is up to 16 times its own. */
const TOGETHER = 8;

interface Slab {
  readonly buffer: ArrayBuffer;
  used: number;
}

/** Its contents are undefined, as in Node's own pool. */
function slabOf(size: number): Slab {
  const { buffer } = Buffer.allocUnsafeSlow(size);
  markAsUntransferable(buffer);
  return { buffer: buffer as ArrayBuffer, used: 0 };
}

/**
 * Gives out byte ranges that nothing else refers to, contents undefined. The range is exclusive, its `buffer` need
 * not be: small ranges sit side by side in a slab, which is marked so that it is never transferred away.
 */
export class ExclusiveBytes {
  #slab = new ArrayBuffer(0);
  #words = new Int32Array(0);
  #used = 0;
  /** Of the slab, once a short body is copied into it. */
  #target: DataView | undefined;
  /** Where the last short body lay that was copied, and a view of all the memory around it. */
  #origin: Uint8Array | undefined;
  #source: DataView = new DataView(this.#slab);
  /** For bodies of up to 1, 2 and 4 KiB. */
  readonly #larger: (Slab | undefined)[] = [];

  allocate(length: number): Uint8Array {
    if (length > LARGEST_SHARED) {
      const buffer = Buffer.allocUnsafeSlow(length);
      return new Uint8Array(buffer.buffer, buffer.byteOffset, length);
    }
    const at = this.#reserve(length);
    return new Uint8Array(this.#slab, at, length);
  }

  /** Where in the slab, which is then one that has room. */
  #reserve(length: number): number {
    if (this.#used + length > this.#slab.byteLength) {
      this.#slab = new ArrayBuffer(SLAB);
      markAsUntransferable(this.#slab);
      this.#words = new Int32Array(this.#slab);
      this.#target = undefined;
      this.#used = 0;
    }
    const at = this.#used;
    // Word-aligned starts make the copy into the range faster.
    this.#used += (length + 7) & ~7;
    return at;
  }

  /** The bytes from `start` to `end`, copied into a Buffer. */
  bufferOf(bytes: Uint8Array, start: number, end: number): Buffer {
    const length = end - start;
    if (length > LARGEST_SHARED) {
      const buffer = length > LARGEST_TOGETHER ? Buffer.allocUnsafeSlow(length) : this.#together(length);
      buffer.set(bytes.subarray(start, end));
      return buffer;
    }
    const at = this.#reserve(length);
    const buffer = Buffer.from(this.#slab, at, length);
    if (length > LONGEST_LOOPED || !this.#sees(bytes)) buffer.set(bytes.subarray(start, end));
    else this.#copyShort(bytes.byteOffset + start, length, at);
    return buffer;
  }

  #together(length: number): Buffer {
    const size = 22 - Math.clz32(length - 1); // 0: up to 1024, 1: up to 2048, …
    let slab = this.#larger[size];
    if (slab === undefined || slab.used + length > slab.buffer.byteLength) {
      slab = slabOf(TOGETHER * (1024 << size));
      this.#larger[size] = slab;
    }
    const at = slab.used;
    slab.used += (length + 7) & ~7;
    return Buffer.from(slab.buffer, at, length);
  }

  #copyShort(start: number, length: number, at: number): void {
    const source = this.#source;
    this.#target ??= new DataView(this.#slab);
    const target = this.#target;
    const words = length & ~3;
    for (let i = 0; i < words; i += 4) target.setInt32(at + i, source.getInt32(start + i, true), true);
    for (let i = words; i < length; i++) target.setInt8(at + i, source.getInt8(start + i));
  }

  /** Whether there is a view of the memory in which these lie. */
  #sees(bytes: Uint8Array): boolean {
    if (this.#origin === bytes) return true;
    const { buffer } = bytes;
    if (buffer.byteLength > LARGEST_KEPT) return false;
    if (this.#source.buffer !== buffer) this.#source = new DataView(buffer);
    this.#origin = bytes;
    return true;
  }

  /** The first `length` bytes of a buffer, given as the words in it. */
  copy(words: Int32Array, length: number): Uint8Array {
    const range = this.allocate(length);
    if (length > LARGEST_SHARED) {
      range.set(new Uint8Array(words.buffer, 0, length));
      return range;
    }
    // For so few words a loop beats the call.
    const slab = this.#words;
    const start = range.byteOffset >> 2;
    const count = (length + 3) >> 2;
    for (let i = 0; i < count; i++) slab[start + i] = words[i] as number;
    return range;
  }
}
