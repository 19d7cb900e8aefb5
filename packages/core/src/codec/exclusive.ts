import { markAsUntransferable } from 'node:worker_threads';

/** Bodies up to this share a slab: a typed array with a buffer of its own costs 500 bytes and 200 ns more. */
const LARGEST_SHARED = 512;
/** What one small body can keep alive at most, against 8 KiB in Node's own pool. */
const SLAB = 2048;

/**
 * Gives out byte ranges that nothing else refers to, contents undefined. The range is exclusive, its `buffer` need
 * not be: small ranges sit side by side in a slab, which is marked so that it is never transferred away.
 */
export class ExclusiveBytes {
  #slab = new ArrayBuffer(0);
  #words = new Int32Array(0);
  #used = 0;

  allocate(length: number): Uint8Array {
    if (length > LARGEST_SHARED) {
      const buffer = Buffer.allocUnsafeSlow(length);
      return new Uint8Array(buffer.buffer, buffer.byteOffset, length);
    }
    if (this.#used + length > this.#slab.byteLength) {
      this.#slab = new ArrayBuffer(SLAB);
      markAsUntransferable(this.#slab);
      this.#words = new Int32Array(this.#slab);
      this.#used = 0;
    }
    const range = new Uint8Array(this.#slab, this.#used, length);
    // Word-aligned starts make the copy into the range faster.
    this.#used += (length + 7) & ~7;
    return range;
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
