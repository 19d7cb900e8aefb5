/** A growing set of sequence numbers, one bit each; travels as bytes. */
export class SequenceSet {
  #bytes: Uint8Array;
  #size = 0;

  constructor(bytes: Uint8Array = new Uint8Array(1024)) {
    this.#bytes = Uint8Array.from(bytes);
    for (const byte of this.#bytes) this.#size += countBits(byte);
  }

  get size(): number {
    return this.#size;
  }

  has(seq: number): boolean {
    return ((this.#bytes[seq >>> 3] ?? 0) & (1 << (seq & 7))) !== 0;
  }

  /** Adds `seq`; `false` if it was there already. */
  add(seq: number): boolean {
    if (this.has(seq)) return false;
    const index = seq >>> 3;
    if (index >= this.#bytes.length) this.#grow(index + 1);
    this.#bytes[index] = (this.#bytes[index] ?? 0) | (1 << (seq & 7));
    this.#size += 1;
    return true;
  }

  /** A copy, for sending; `new SequenceSet(bytes)` makes the same set of it. */
  toBytes(): Uint8Array {
    return this.#bytes.slice();
  }

  #grow(needed: number): void {
    const bytes = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
  }
}

/** Writes sorted numbers the short way: `3, 7-12, 40`. */
export function formatRanges(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let start = 0; start < numbers.length; ) {
    let end = start;
    while (numbers[end + 1] === (numbers[end] ?? Number.NaN) + 1) end += 1;
    parts.push(start === end ? `${numbers[start]}` : `${numbers[start]}-${numbers[end]}`);
    start = end + 1;
  }
  return parts.join(', ');
}

function countBits(byte: number): number {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
