import { Buffer } from 'node:buffer';
import type { CodecLimits } from '../codec.js';
import { PigeonholeError } from '../errors.js';
import { DEEPEST, depthLimit } from './limits.js';
import { broken } from './reader.js';
import { MOST_KEYS, type Shape, Shapes, type Slot } from './shapes.js';
import { assign, spread } from './sparse.js';
import { decodeSpecial } from './special.js';
import { textOf } from './text.js';
import { EXTENSION } from './wire.js';

const NOTHING = new Uint8Array(0);
/** Arrays up to this many items are made in one step. */
const PREPARED = 64;
/** The largest `maxNodes`. */
const MOST_NODES = 2 ** 31 - 1;

/** Memory up to this many bytes is kept in mind after a body, for the next one that lies in it. */
const KEPT = 65_536;

/**
 * Decodes a body in one pass. Whatever the bytes are: it ends, it never reads beyond them, and what it makes is bounded by their
 * number. Bytes that `verify` let pass are decoded whole; others may also be `ERR_FRAME`.
 */
export class Decoder {
  bytes: Uint8Array = NOTHING;
  /** Of all the memory in which `bytes` lie, from `shift` on: to make one for each body would cost as much as to decode a small one. */
  view: DataView = new DataView(NOTHING.buffer);
  /** What `view` was made for: to ask an array for its memory takes a call into C++. */
  #viewed: Uint8Array = NOTHING;
  shift = 0;
  at = 0;
  end = 0;
  /** See `MAX_NUMERIC_KEYS`. */
  numericKeys = 0;
  #depth = 0;
  #maxDepth = DEEPEST;
  /** Values so far, keys included. */
  #nodes = 1;
  #maxNodes = MOST_NODES;
  readonly #shapes = new Shapes();

  /** Without limits, all that `DEEPEST` allows. */
  run(bytes: Uint8Array, start: number, end: number, limits?: CodecLimits): unknown {
    if (!(start >= 0 && start <= end && end <= bytes.length))
      throw broken(bytes.length, 'the body ends early');
    this.bytes = bytes;
    this.shift = bytes.byteOffset;
    this.at = start;
    this.end = end;
    this.numericKeys = 0;
    this.#depth = 0;
    this.#nodes = 1;
    this.#maxDepth = limits === undefined ? DEEPEST : depthLimit(limits);
    this.#maxNodes = limits === undefined ? MOST_NODES : limits.maxNodes;
    try {
      if (bytes !== this.#viewed) this.#see(bytes);
      const value = this.value();
      if (this.at !== end) throw broken(this.at, `${end - this.at} bytes follow the body`);
      return value;
    } catch (error) {
      if (error instanceof PigeonholeError) throw error;
      throw new PigeonholeError(
        'ERR_FRAME',
        `Not a msgpack body: ${end - start} bytes could not be decoded.`,
        {
          cause: error,
        },
      );
    } finally {
      this.bytes = NOTHING;
      if (this.view.byteLength > KEPT) this.#see(NOTHING);
    }
  }

  #see(bytes: Uint8Array): void {
    const { buffer } = bytes;
    if (this.view.buffer !== buffer) this.view = new DataView(buffer);
    this.#viewed = bytes;
  }

  value(): unknown {
    const { at } = this;
    if (at >= this.end) throw broken(at, 'the body ends early');
    const token = this.bytes[at] as number;
    this.at = at + 1;
    if (token < 0x80) return token;
    if (token >= 0xe0) return token - 0x100;
    if (token === 0xcb) return this.view.getFloat64(this.#pass(8));
    if (token >= 0xc0) return this.#token(token);
    if (token >= 0xa0) return this.text(token - 0xa0);
    return token < 0x90 ? this.#object(token - 0x80) : this.#array(token - 0x90);
  }

  #token(token: number): unknown {
    switch (token) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.copy(this.length(1 << (token - 0xc4)));
      case 0xca:
        return this.view.getFloat32(this.#pass(4));
      case 0xcc:
        return this.length(1);
      case 0xcd:
        return this.length(2);
      case 0xce:
        return this.length(4);
      case 0xcf:
        return this.view.getBigUint64(this.#pass(8));
      case 0xd0:
        return this.view.getInt8(this.#pass(1));
      case 0xd1:
        return this.view.getInt16(this.#pass(2));
      case 0xd2:
        return this.view.getInt32(this.#pass(4));
      case 0xd3:
        return this.view.getBigInt64(this.#pass(8));
      case 0xd4:
        return this.#extension();
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.text(this.length(1 << (token - 0xd9)));
      case 0xdc:
        return this.#array(this.length(2));
      case 0xdd:
        return this.#array(this.length(4));
      case 0xde:
        return this.#object(this.length(2));
      case 0xdf:
        return this.#object(this.length(4));
      default:
        throw broken(this.at - 1, `token 0x${token.toString(16)} is not part of the format`);
    }
  }

  /** Passes `length` bytes, which have to be here; answers where they begin. */
  pass(length: number): number {
    const { at } = this;
    if (length > this.end - at) throw broken(at, `${length} bytes are announced and ${this.end - at} remain`);
    this.at = at + length;
    return at;
  }

  /** As `pass`; answers where that is in `view`. */
  #pass(length: number): number {
    return this.pass(length) + this.shift;
  }

  /** A big-endian integer of 1, 2 or 4 bytes. */
  length(width: number): number {
    const at = this.pass(width);
    const { bytes } = this;
    if (width === 1) return bytes[at] as number;
    const high = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    return width === 2
      ? high
      : high * 0x10000 + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
  }

  text(length: number): string {
    return textOf(this.bytes, this.pass(length), length);
  }

  /** A copy in memory of its own. */
  copy(length: number): Buffer {
    const at = this.pass(length);
    const copy = Buffer.allocUnsafeSlow(length);
    copy.set(this.bytes.subarray(at, at + length));
    return copy;
  }

  /** To be called on entering a container that holds `items` values, and `leave` after it. */
  enter(items: number): void {
    const remain = this.end - this.at;
    if (items > remain) throw broken(this.at, `${items} values are announced in ${remain} bytes`);
    this.#nodes += items;
    if (this.#nodes > this.#maxNodes) throw broken(this.at, `more than maxNodes (${this.#maxNodes}) values`);
    if (++this.#depth > this.#maxDepth)
      throw broken(this.at, `nested deeper than maxDepth (${this.#maxDepth})`);
  }

  leave(): void {
    this.#depth--;
  }

  #array(length: number): unknown[] {
    this.enter(length);
    // What is announced costs nothing; what comes does.
    const array: unknown[] = length <= PREPARED ? new Array(length) : [];
    if (length <= PREPARED) for (let i = 0; i < length; i++) array[i] = this.value();
    else for (let i = 0; i < length; i++) array.push(this.value());
    this.leave();
    return array;
  }

  #extension(): unknown {
    const at = this.pass(2);
    const type = this.bytes[at] as number;
    if (this.bytes[at + 1] !== 0 || (type !== 0 && type !== EXTENSION))
      throw broken(at, `extension type ${type} is not part of the format`);
    return type === 0 ? undefined : decodeSpecial(this);
  }

  #object(count: number): object {
    if (count === 0) return {};
    this.enter(2 * count);
    const slot = this.#shapes.slot(count, this.bytes, this.at);
    const shape = slot.shapes[0];
    const object =
      shape?.read !== undefined && shape.keys.length === count
        ? shape.read(this, shape)
        : this.#slowly(slot, count, undefined, []);
    this.leave();
    return object;
  }

  /** Whether the key that comes is the one between `from` and `to` of these, and passes it if so. */
  isKey(keys: Uint8Array, from: number, to: number): boolean {
    const { bytes, at } = this;
    const next = at + to - from;
    if (next > this.end) return false;
    for (let i = from, j = at; i < to; i++, j++) if (bytes[j] !== keys[i]) return false;
    this.at = next;
    return true;
  }

  #isKeyOf({ bytes, offsets }: Shape, index: number): boolean {
    return this.isKey(bytes, offsets[index] as number, offsets[index + 1] as number);
  }

  /** Goes on where an object turned out not to be of the shape expected, when these values had been read. */
  astray(shape: Shape, values: unknown[]): object {
    const count = shape.keys.length;
    return this.#slowly(this.#shapes.slot(count, shape.bytes, 0), count, shape, values);
  }

  /** Reads an object key by key; `shape` is that of the keys that have been read, of which there are as many as `values`. */
  #slowly(slot: Slot, count: number, shape: Shape | undefined, values: unknown[]): object {
    let fits = shape;
    for (let index = values.length; index < count; index++) {
      if (fits === undefined || !this.#isKeyOf(fits, index)) {
        const other = this.#other(slot, count, fits, index);
        if (other === undefined) return this.#unknown(slot, count, fits, values);
        fits = other;
      }
      values.push(this.value());
    }
    const { keys } = fits as Shape;
    this.#shapes.came(slot, fits as Shape);
    const object: Record<string, unknown> = {};
    let isSparse = false;
    for (let i = 0; i < count; i++) {
      const key = keys[i] as string;
      isSparse = spread(object, key, isSparse);
      assign(object, key, values[i]);
    }
    return object;
  }

  /** A shape of which the first keys are the same, and the next one is what comes. Passes that key. */
  #other({ shapes }: Slot, count: number, before: Shape | undefined, index: number): Shape | undefined {
    for (const shape of shapes) {
      const { keys } = shape;
      if (shape === before || keys.length !== count) continue;
      let same = 0;
      while (same < index && keys[same] === before?.keys[same]) same++;
      if (same === index && this.#isKeyOf(shape, index)) return shape;
    }
    return undefined;
  }

  /** Reads what is left of an object that is of no shape known. */
  #unknown(slot: Slot, count: number, before: Shape | undefined, values: unknown[]): object {
    const object: Record<string, unknown> = {};
    const keys = before?.keys.slice(0, values.length) ?? [];
    let isSparse = false;
    for (const [i, key] of keys.entries()) {
      isSparse = spread(object, key, isSparse);
      assign(object, key, values[i]);
    }
    for (let i = keys.length; i < count; i++) {
      const key = this.#key();
      if (i < MOST_KEYS) keys.push(key);
      isSparse = spread(object, key, isSparse);
      assign(object, key, this.value());
    }
    if (count <= MOST_KEYS) this.#shapes.learn(slot, keys);
    return object;
  }

  /** A string, and not the one whose assignment would reach a prototype. */
  #key(): string {
    const { at } = this;
    const token = this.length(1);
    const length =
      token >= 0xa0 && token < 0xc0
        ? token - 0xa0
        : token >= 0xd9 && token <= 0xdb
          ? this.length(1 << (token - 0xd9))
          : -1;
    if (length < 0) throw broken(at, 'a key is not a string');
    const key = this.text(length);
    if (key === '__proto__') throw broken(at, 'a key is __proto__');
    return key;
  }
}
