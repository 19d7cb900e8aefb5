/**
 * Integers and lengths: one byte up to 247, else a token and what it announces, little-endian.
 *
 * ```
 *   00–f7        the value itself
 *   f8 nn        −1 − nn
 *   f9 nn nn     16 bits
 *   fa nn × 4    32 bits
 *   fb nn × 6    48 bits
 *   fc nn × 4    −1 − 32 bits
 *   fd nn × 8    any other integer, −0 too, as a double
 *   fe nn …      strings only: a length, then UTF-16LE
 * ```
 *
 * A length is at most 32 bits. What is written beyond the end of the target is dropped, and counted all the same.
 */
import { early, misfit, odd, type State } from './state.js';

export const LARGEST_SMALL = 247;
export const UTF16 = 0xfe;

const TWO_32 = 2 ** 32;

/** Eight bytes and the double that they are. Filled and emptied at once, so that all may share them. */
export const double = new Float64Array(1);
export const doubleBytes = new Uint8Array(double.buffer);
export const bigEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 0;

export function writeDouble(target: Uint8Array, at: number, value: unknown): number {
  if (typeof value !== 'number') throw misfit;
  double[0] = value;
  if (bigEndian) doubleBytes.reverse();
  for (let i = 0; i < 8; i++) target[at + i] = doubleBytes[i] as number;
  return at + 8;
}

export function readDouble(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < 8) throw early(at);
  for (let i = 0; i < 8; i++) doubleBytes[i] = bytes[at + i] as number;
  if (bigEndian) doubleBytes.reverse();
  return double[0] as number;
}

/** Throws `misfit` for what is no integer. */
export function writeInteger(target: Uint8Array, at: number, value: unknown): number {
  if (!Number.isInteger(value)) throw misfit;
  const integer = value as number;
  if (integer > 0) return writePositive(target, at, integer);
  if (integer === 0 && !Object.is(integer, -0)) {
    target[at] = 0;
    return at + 1;
  }
  const inverse = -1 - integer;
  if (inverse < 0 || inverse >= TWO_32) return writeWide(target, at, integer);
  if (inverse < 256) {
    target[at] = 0xf8;
    target[at + 1] = inverse;
    return at + 2;
  }
  target[at] = 0xfc;
  return write32(target, at + 1, inverse);
}

function writePositive(target: Uint8Array, at: number, integer: number): number {
  if (integer <= LARGEST_SMALL) {
    target[at] = integer;
    return at + 1;
  }
  if (integer < 65_536) {
    target[at] = 0xf9;
    target[at + 1] = integer;
    target[at + 2] = integer >>> 8;
    return at + 3;
  }
  if (integer < TWO_32) {
    target[at] = 0xfa;
    return write32(target, at + 1, integer);
  }
  if (integer >= 2 ** 48) return writeWide(target, at, integer);
  target[at] = 0xfb;
  write32(target, at + 1, integer);
  const high = (integer / TWO_32) >>> 0;
  target[at + 5] = high;
  target[at + 6] = high >>> 8;
  return at + 7;
}

function writeWide(target: Uint8Array, at: number, integer: number): number {
  target[at] = 0xfd;
  return writeDouble(target, at + 1, integer);
}

function write32(target: Uint8Array, at: number, value: number): number {
  const low = value >>> 0;
  target[at] = low;
  target[at + 1] = low >>> 8;
  target[at + 2] = low >>> 16;
  target[at + 3] = low >>> 24;
  return at + 4;
}

/** What a token above 247 announces; `at` is behind the token. Leaves the next offset in `state.at`. */
export function readLongInteger(
  bytes: Uint8Array,
  at: number,
  end: number,
  state: State,
  token: number,
): number {
  if (token === 0xfb) {
    if (end - at < 6) throw early(at);
    state.at = at + 6;
    return read32(bytes, at) + read16(bytes, at + 4) * TWO_32;
  }
  if (token === 0xfd) {
    const value = readDouble(bytes, at, end);
    if (!Number.isInteger(value)) throw odd(at, `${value} stands for an integer`);
    state.at = at + 8;
    return value;
  }
  if (token === 0xf8 || token === 0xfc) {
    const width = token === 0xf8 ? 1 : 4;
    if (end - at < width) throw early(at);
    state.at = at + width;
    return -1 - (width === 1 ? (bytes[at] as number) : read32(bytes, at));
  }
  return readLongCount(bytes, at, end, state, token);
}

export function readInteger(bytes: Uint8Array, at: number, end: number, state: State): number {
  if (at >= end) throw early(at);
  const token = bytes[at] as number;
  if (token > LARGEST_SMALL) return readLongInteger(bytes, at + 1, end, state, token);
  state.at = at + 1;
  return token;
}

/** A length below 2^32. */
export function writeCount(target: Uint8Array, at: number, count: number): number {
  if (count <= LARGEST_SMALL) {
    target[at] = count;
    return at + 1;
  }
  return writePositive(target, at, count);
}

/** As `readLongInteger`, of a length. */
export function readLongCount(
  bytes: Uint8Array,
  at: number,
  end: number,
  state: State,
  token: number,
): number {
  if (token === 0xf9) {
    if (end - at < 2) throw early(at);
    state.at = at + 2;
    return read16(bytes, at);
  }
  if (token !== 0xfa) throw odd(at - 1, `0x${token.toString(16)} is not part of the format here`);
  if (end - at < 4) throw early(at);
  state.at = at + 4;
  return read32(bytes, at);
}

export function readCount(bytes: Uint8Array, at: number, end: number, state: State): number {
  if (at >= end) throw early(at);
  const token = bytes[at] as number;
  if (token > LARGEST_SMALL) return readLongCount(bytes, at + 1, end, state, token);
  state.at = at + 1;
  return token;
}

function read16(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

function read32(bytes: Uint8Array, at: number): number {
  return (read16(bytes, at) | (read16(bytes, at + 2) << 16)) >>> 0;
}
