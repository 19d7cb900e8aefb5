import { Buffer } from 'node:buffer';

/** Texts up to this many bytes are put together here: the call that reads longer ones costs as much. */
const LONGEST_SHORT = 16;

interface Slicing {
  /** Not documented, but the same in every Node.js; unlike `toString` it takes any Uint8Array. */
  utf8Slice(this: Uint8Array, start: number, end: number): string;
}
const { utf8Slice } = Buffer.prototype as unknown as Slicing;

/** The UTF-8 of a range that lies within the bytes. What is no UTF-8 becomes U+FFFD. */
export function textOf(bytes: Uint8Array, at: number, length: number): string {
  if (length > LONGEST_SHORT) return utf8Slice.call(bytes, at, at + length);
  const end = at + length;
  for (let i = at; i < end; i++) if ((bytes[i] as number) >= 0x80) return utf8Slice.call(bytes, at, end);
  return ascii(bytes, at, length);
}

/** Only within the range, so there is no `undefined`. */
const of = String.fromCharCode as (...codes: (number | undefined)[]) => string;

/** A call for each length: an argument list of fixed length is what makes it fast. */
// biome-ignore format: a line a length
function ascii(b: Uint8Array, i: number, length: number): string {
  switch (length) {
    case 1: return of(b[i]);
    case 2: return of(b[i], b[i + 1]);
    case 3: return of(b[i], b[i + 1], b[i + 2]);
    case 4: return of(b[i], b[i + 1], b[i + 2], b[i + 3]);
    case 5: return of(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4]);
    case 6: return of(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5]);
    case 7: return of(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6]);
    case 8: return of(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7]);
    case 9: return of(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7], b[i + 8]);
    case 10: return of(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7], b[i + 8], b[i + 9]);
    case 11: return of(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7], b[i + 8], b[i + 9], b[i + 10]);
    case 12: return of(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7], b[i + 8], b[i + 9], b[i + 10], b[i + 11]);
    case 13: return of(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7], b[i + 8], b[i + 9], b[i + 10], b[i + 11], b[i + 12]);
    case 14: return of(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7], b[i + 8], b[i + 9], b[i + 10], b[i + 11], b[i + 12], b[i + 13]);
    case 15: return of(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7], b[i + 8], b[i + 9], b[i + 10], b[i + 11], b[i + 12], b[i + 13], b[i + 14]);
    case 16: return of(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7], b[i + 8], b[i + 9], b[i + 10], b[i + 11], b[i + 12], b[i + 13], b[i + 14], b[i + 15]);
    default: return '';
  }
}
