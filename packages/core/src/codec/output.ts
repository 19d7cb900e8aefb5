import { Buffer } from 'node:buffer';
import { type Key, WORDS } from './keys.js';
import { tooLarge } from './limits.js';
import { Refusal } from './refusal.js';
import { needsUtf16 } from './utf8.js';
import { EXTENSION, Kind } from './wire.js';

/** Thrown where a target that cannot grow is full. */
export const FULL = Symbol('full');

/** No token with what belongs to it takes more, texts and binaries aside; neither does what goes before those. */
export const TOKEN = 16;
/** Texts up to this many units are written by a loop: the call that writes longer ones costs as much. */
const LONGEST_LOOPED = 24;
/** Texts up to this many units get room for three bytes a unit; longer ones are measured. */
const LONGEST_GUESSED = 2048;
/** So many bytes more than it then takes may be asked for, at most, where something is written. A multiple of 4. */
export const OVERESTIMATE = TOKEN + 2 * LONGEST_GUESSED;
/** What a target is given beyond the limit of the body, so that it does not grow again and again just below it. */
const ROUNDING = 4096;

/**
 * Writes the tokens of MessagePack, and of `wire.ts`, each in its shortest form. Every method takes the place to write at and
 * answers the place behind; a `Refusal` says that the body outgrows its limit.
 */
export class Output {
  target: Buffer = Buffer.alloc(0);
  view = new DataView(this.target.buffer);
  /** Where the body begins in the target. */
  start = 0;
  /** Nothing is written from here on. */
  end = 0;
  /** Of the body, in bytes. */
  limit = 0;
  /** Whether a larger target may take the target's place. */
  #growing = false;
  /** After `FULL`: where the body ends, or beyond. */
  sure = 0;

  aim(target: Buffer, start: number, growing: boolean, end = target.length): void {
    if (this.target !== target) {
      this.target = target;
      this.view = new DataView(target.buffer, target.byteOffset, target.length);
    }
    this.start = start;
    this.end = end;
    this.#growing = growing;
  }

  /** Makes room for `most` bytes, of which `least` are sure to be written. */
  reserve(at: number, most: number, least: number): void {
    const sure = at + least - this.start;
    if (sure > this.limit) throw this.tooLarge(`at least ${sure}`);
    if (at + most <= this.end) return;
    if (!this.#growing) {
      this.sure = at + least;
      throw FULL;
    }
    const larger = Buffer.allocUnsafeSlow(Math.max(at + most, Math.min(2 * this.end, this.limit + ROUNDING)));
    larger.set(this.target.subarray(0, at));
    this.aim(larger, this.start, true);
  }

  tooLarge(size: string): Refusal {
    return Refusal.ofWhole(tooLarge(size, this.limit));
  }

  token(token: number, at: number): number {
    if (at >= this.end) this.reserve(at, 1, 1);
    this.target[at] = token;
    return at + 1;
  }

  undefined(at: number): number {
    if (at + 3 > this.end) this.reserve(at, 3, 3);
    const { target } = this;
    target[at] = 0xd4;
    target[at + 1] = 0;
    target[at + 2] = 0;
    return at + 3;
  }

  number(value: number, at: number): number {
    if (at + TOKEN > this.end) this.reserve(at, TOKEN, 1);
    const { target, view } = this;
    if (value >>> 0 === value) {
      if (value < 0x80) {
        if (value === 0 && Object.is(value, -0)) return this.special(Kind.negativeZero, 0, at);
        target[at] = value;
        return at + 1;
      }
      if (value < 0x100) {
        target[at] = 0xcc;
        target[at + 1] = value;
        return at + 2;
      }
      if (value < 0x10000) {
        target[at] = 0xcd;
        target[at + 1] = value >> 8;
        target[at + 2] = value;
        return at + 3;
      }
      target[at] = 0xce;
      view.setUint32(at + 1, value);
      return at + 5;
    }
    if ((value | 0) === value) return this.#negative(value, at);
    target[at] = 0xcb;
    view.setFloat64(at + 1, value);
    return at + 9;
  }

  #negative(value: number, at: number): number {
    const { target, view } = this;
    if (value >= -0x20) {
      target[at] = value;
      return at + 1;
    }
    if (value >= -0x80) {
      target[at] = 0xd0;
      target[at + 1] = value;
      return at + 2;
    }
    if (value >= -0x8000) {
      target[at] = 0xd1;
      view.setInt16(at + 1, value);
      return at + 3;
    }
    target[at] = 0xd2;
    view.setInt32(at + 1, value);
    return at + 5;
  }

  text(value: string, at: number): number {
    const { length } = value;
    if (length > LONGEST_LOOPED) return this.#longText(value, at);
    if (at + TOKEN + LONGEST_LOOPED > this.end) this.reserve(at, 2 + length, 1 + length);
    const { target } = this;
    const header = length < 0x20 ? 1 : 2;
    let to = at + header;
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit >= 0x80) return this.#longText(value, at);
      target[to++] = unit;
    }
    if (header === 1) target[at] = 0xa0 | length;
    else {
      target[at] = 0xd9;
      target[at + 1] = length;
    }
    return to;
  }

  #longText(value: string, at: number): number {
    if (needsUtf16(value)) return this.utf16(value, this.special(Kind.text, 1, at));
    const { length } = value;
    const size = length <= LONGEST_GUESSED ? length : Buffer.byteLength(value);
    const width = headerOf(size);
    // What was guessed may turn out two bytes too narrow.
    this.reserve(at, length <= LONGEST_GUESSED ? TOKEN + 3 * length : width + size, width + size);
    const { target } = this;
    const written = target.write(value, at + width, 'utf8');
    const needed = headerOf(written);
    if (needed !== width) target.copyWithin(at + needed, at + width, at + width + written);
    if (needed === 1) target[at] = 0xa0 | written;
    else this.#length(0xd9, written, at);
    return at + needed + written;
  }

  /** Token and length; `first` is the token for a length of one byte. */
  #length(first: number, length: number, at: number): void {
    const { target, view } = this;
    if (length < 0x100) {
      target[at] = first;
      target[at + 1] = length;
    } else if (length < 0x10000) {
      target[at] = first + 1;
      view.setUint16(at + 1, length);
    } else {
      target[at] = first + 2;
      view.setUint32(at + 1, length);
    }
  }

  array(items: number, at: number): number {
    if (at + TOKEN > this.end) this.reserve(at, TOKEN, 1);
    const { target, view } = this;
    if (items < 0x10) {
      target[at] = 0x90 | items;
      return at + 1;
    }
    if (items < 0x10000) {
      target[at] = 0xdc;
      view.setUint16(at + 1, items);
      return at + 3;
    }
    target[at] = 0xdd;
    view.setUint32(at + 1, items);
    return at + 5;
  }

  key(key: Key, at: number): number {
    const { length } = key;
    const { target, view } = this;
    if (length > WORDS) {
      const { bytes } = key;
      for (let i = 0; i < length; i++) target[at + i] = bytes[i] as number;
      return at + length;
    }
    // Words are written whole: what is too much, the next token covers.
    view.setInt32(at, key.a);
    if (length > 4) {
      view.setInt32(at + 4, key.b);
      if (length > 8) {
        view.setInt32(at + 8, key.c);
        view.setInt32(at + 12, key.d);
      }
    }
    return at + length;
  }

  /** Moves what lies between `from` and `at` up by `by` bytes. */
  shift(from: number, by: number, at: number): number {
    this.reserve(at, by, by);
    this.target.copyWithin(from + by, from, at);
    return at + by;
  }

  /** The header of a map for which one byte was left below 16 pairs, three below 65,536, and five from there on. */
  mapHeader(pairs: number, at: number): void {
    const { target, view } = this;
    if (pairs < 0x10) {
      target[at] = 0x80 | pairs;
    } else if (pairs < 0x10000) {
      target[at] = 0xde;
      view.setUint16(at + 1, pairs);
    } else {
      target[at] = 0xdf;
      view.setUint32(at + 1, pairs);
    }
  }

  /** What begins an extension of `wire.ts`; `items` values have to follow. */
  special(kind: number, items: number, at: number): number {
    if (at + TOKEN > this.end) this.reserve(at, TOKEN, 5);
    const { target } = this;
    target[at] = 0xd4;
    target[at + 1] = EXTENSION;
    target[at + 2] = 0;
    return this.token(kind, this.array(items + 1, at + 3));
  }

  bin(bytes: Uint8Array, at: number): number {
    const { length } = bytes;
    const width = length < 0x100 ? 2 : length < 0x10000 ? 3 : 5;
    this.reserve(at, width + length, width + length);
    this.#length(0xc4, length, at);
    this.target.set(bytes, at + width);
    return at + width + length;
  }

  utf16(value: string, at: number): number {
    return this.bin(Buffer.from(value, 'utf16le'), at);
  }

  bigint(value: bigint, at: number): number {
    if (BigInt.asIntN(64, value) === value) {
      this.reserve(at, 9, 9);
      this.target[at] = 0xd3;
      this.view.setBigInt64(at + 1, value);
      return at + 9;
    }
    if (BigInt.asUintN(64, value) === value) {
      this.reserve(at, 9, 9);
      this.target[at] = 0xcf;
      this.view.setBigUint64(at + 1, value);
      return at + 9;
    }
    const hex = (value < 0n ? -value : value).toString(16);
    const magnitude = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
    const kind = value < 0n ? Kind.negativeBigint : Kind.positiveBigint;
    return this.bin(magnitude, this.special(kind, 1, at));
  }
}

/** Bytes of the header of a `str`. */
function headerOf(length: number): number {
  return length < 0x20 ? 1 : length < 0x100 ? 2 : length < 0x10000 ? 3 : 5;
}
