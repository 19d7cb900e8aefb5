import { Buffer } from 'node:buffer';
import { isUtf8Range } from '../utf8.js';
import { LARGEST_SMALL, readLongCount, UTF16, writeCount } from './numbers.js';
import { early, misfit, odd, type State } from './state.js';

/** Up to so many UTF-16 units a loop here beats the call into C++; their UTF-8 has a length of one byte. */
const LONGEST_LOOPED = 64;
/** Up to so many bytes, for reading. */
export const LONGEST_SHORT = 32;

/** An array for each length, for `String.fromCharCode` to take. */
const units: number[][] = Array.from({ length: LONGEST_SHORT + 1 }, (_, length) =>
  new Array<number>(length).fill(0),
);

interface WellFormed {
  /** ES2024, and in every Node we support. */
  isWellFormed(): boolean;
}

/**
 * A length in bytes and UTF-8; where UTF-8 would lose a lone surrogate, `fe`, a length in bytes, and UTF-16LE. Throws
 * `misfit` for what is no string.
 */
export function writeText(target: Uint8Array, at: number, value: unknown): number {
  if (typeof value !== 'string') throw misfit;
  const { length } = value;
  if (length > LONGEST_LOOPED) return writeLong(target, at, value);
  let next = at + 1;
  for (let i = 0; i < length; i++) {
    const unit = value.charCodeAt(i);
    if (unit >= 0x80) return writeWide(target, at, value);
    target[next++] = unit;
  }
  target[at] = length;
  return next;
}

/** Short, and not all ASCII. */
function writeWide(target: Uint8Array, at: number, value: string): number {
  let next = at + 1;
  for (let i = 0; i < value.length; i++) {
    const point = value.codePointAt(i) as number;
    if (point < 0x80) {
      target[next++] = point;
    } else if (point < 0x800) {
      target[next++] = 0xc0 | (point >> 6);
      target[next++] = 0x80 | (point & 0x3f);
    } else if (point < 0x10000) {
      if (point >= 0xd800 && point < 0xe000) return writeUtf16(target, at, value);
      target[next++] = 0xe0 | (point >> 12);
      target[next++] = 0x80 | ((point >> 6) & 0x3f);
      target[next++] = 0x80 | (point & 0x3f);
    } else {
      i++;
      target[next++] = 0xf0 | (point >> 18);
      target[next++] = 0x80 | ((point >> 12) & 0x3f);
      target[next++] = 0x80 | ((point >> 6) & 0x3f);
      target[next++] = 0x80 | (point & 0x3f);
    }
  }
  target[at] = next - at - 1;
  return next;
}

function writeLong(target: Uint8Array, at: number, value: string): number {
  if (!(value as unknown as WellFormed).isWellFormed()) return writeUtf16(target, at, value);
  const length = Buffer.byteLength(value);
  const start = writeCount(target, at, length);
  if (length <= target.length - start) bufferOf(target).write(value, start, length, 'utf8');
  return start + length;
}

function writeUtf16(target: Uint8Array, at: number, value: string): number {
  target[at] = UTF16;
  const length = 2 * value.length;
  const start = writeCount(target, at + 1, length);
  if (length <= target.length - start) bufferOf(target).write(value, start, length, 'utf16le');
  return start + length;
}

/** Leaves the next offset in `state.at`. */
export function readText(bytes: Uint8Array, at: number, end: number, state: State): string {
  if (at >= end) throw early(at);
  const token = bytes[at] as number;
  if (token > LONGEST_SHORT) return readLongText(bytes, at + 1, end, state, token);
  if (token > end - at - 1) throw early(at);
  state.at = at + 1 + token;
  return readShort(bytes, at + 1, token);
}

/** What a first byte above `LONGEST_SHORT` announces; `at` is behind it. */
export function readLongText(
  bytes: Uint8Array,
  at: number,
  end: number,
  state: State,
  token: number,
): string {
  state.at = at;
  if (token === UTF16) return readUtf16(bytes, at, end, state);
  const length = token > LARGEST_SMALL ? readLongCount(bytes, at, end, state, token) : token;
  const start = state.at;
  if (length > end - start) throw early(start);
  state.at = start + length;
  return readUtf8(bytes, start, length);
}

function readUtf16(bytes: Uint8Array, at: number, end: number, state: State): string {
  if (at >= end) throw early(at);
  const token = bytes[at] as number;
  state.at = at + 1;
  const length = token > LARGEST_SMALL ? readLongCount(bytes, at + 1, end, state, token) : token;
  const start = state.at;
  if (length > end - start) throw early(start);
  if (length % 2 !== 0) throw odd(start, 'half a UTF-16 unit');
  state.at = start + length;
  return bufferOf(bytes).toString('utf16le', start, start + length);
}

/** The caller has checked that the bytes are there, and that they are `LONGEST_SHORT` at most. */
export function readShort(bytes: Uint8Array, at: number, length: number): string {
  const each = units[length] as number[];
  for (let i = 0; i < length; i++) {
    const byte = bytes[at + i] as number;
    if (byte >= 0x80) return readUtf8(bytes, at, length);
    each[i] = byte;
  }
  return String.fromCharCode.apply(null, each);
}

function readUtf8(bytes: Uint8Array, at: number, length: number): string {
  if (!isUtf8Range(bytes, at, at + length)) throw odd(at, 'a string is not UTF-8');
  return bufferOf(bytes).toString('utf8', at, at + length);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
