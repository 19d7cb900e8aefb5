import { Buffer } from 'node:buffer';
import { PigeonholeError } from '../errors.js';
import { isUtf8Range } from './utf8.js';

const PROTO = Buffer.from('__proto__');
const UNDERSCORE = 0x5f;

/**
 * Reads the parts of MessagePack that carry a length, and checks each length against the bytes that remain before it
 * is used. Takes an offset and returns the next one. Throws `ERR_FRAME`.
 */
export class Reader {
  bytes: Uint8Array = new Uint8Array(0);
  end = 0;
  /** Of the binary that `bin` passed last. */
  binLength = 0;

  reset(bytes: Uint8Array, end: number): void {
    this.bytes = bytes;
    this.end = end;
  }

  byte(at: number): number {
    if (at >= this.end) throw broken(at, 'the body ends early');
    return this.bytes[at] as number;
  }

  /** A big-endian length of 1, 2 or 4 bytes. Does not move on. */
  length(at: number, width: number): number {
    if (width > this.end - at) throw broken(at, 'the body ends early');
    let value = 0;
    for (let i = 0; i < width; i++) value = value * 256 + (this.bytes[at + i] as number);
    return value;
  }

  skip(at: number, length: number): number {
    const remain = this.end - at;
    if (length > remain) throw broken(at, `${length} bytes are announced and ${Math.max(0, remain)} remain`);
    return at + length;
  }

  text(at: number, length: number): number {
    const next = this.skip(at, length);
    if (!isUtf8Range(this.bytes, at, next)) throw broken(at, 'a string is not UTF-8');
    return next;
  }

  /** A binary has to be here. */
  bin(at: number): number {
    const token = this.byte(at);
    if (token < 0xc4 || token > 0xc6) throw broken(at, 'a binary was due');
    const width = 1 << (token - 0xc4);
    this.binLength = this.length(at + 1, width);
    return this.skip(at + 1 + width, this.binLength);
  }

  /** A binary that holds UTF-16LE. */
  utf16(at: number): number {
    const next = this.bin(at);
    if (this.binLength % 2 !== 0) throw broken(at, 'half a UTF-16 unit');
    return next;
  }

  /** A key of a plain object: a string, and not the one whose assignment would reach a prototype. */
  key(at: number): number {
    const token = this.byte(at);
    const width = token === 0xd9 ? 1 : token === 0xda ? 2 : token === 0xdb ? 4 : 0;
    if (width === 0 && (token < 0xa0 || token > 0xbf)) throw broken(at, 'a key is not a string');
    const length = width === 0 ? token - 0xa0 : this.length(at + 1, width);
    const start = at + 1 + width;
    const next = this.text(start, length);
    if (
      length === PROTO.length &&
      this.bytes[start] === UNDERSCORE &&
      PROTO.compare(this.bytes, start, next) === 0
    ) {
      throw broken(at, 'a key is __proto__');
    }
    return next;
  }
}

export function broken(offset: number, reason: string): PigeonholeError {
  return new PigeonholeError('ERR_FRAME', `Not a msgpack body: ${reason}, at byte ${offset}.`);
}
