import type { CodecLimits } from '../codec.js';
import { BIGINT_KEY, DEEPEST, depthLimit, MAX_NUMERIC_KEYS } from './limits.js';
import { broken, Reader } from './reader.js';
import { EXTENSION, Kind, MAX_BIGINT_BYTES, views } from './wire.js';

/** What a container holds. In pairs a key is due whenever the number of items left, itself excluded, is odd. */
const Frame = { values: 0, stringPairs: 1, binPairs: 2, anyPairs: 3, set: 4 } as const;

/** What an Int32Array can count. */
const MOST_ITEMS = 2 ** 31 - 1;

/** Bytes that follow a token whose size is fixed; `VARIABLE` for every other. */
const VARIABLE = 255;
const sizes = new Uint8Array(256).fill(VARIABLE);
sizes.fill(0, 0x00, 0x80).fill(0, 0xe0);
for (const token of [0xc0, 0xc2, 0xc3]) sizes[token] = 0;
for (const token of [0xcc, 0xd0]) sizes[token] = 1;
for (const token of [0xcd, 0xd1]) sizes[token] = 2;
for (const token of [0xca, 0xce, 0xd2]) sizes[token] = 4;
for (const token of [0xcb, 0xcf, 0xd3]) sizes[token] = 8;

/** Of `__proto__`, as it stands in a body. */
const PROTO_BYTES = 10;

const isBigint = (token: number): boolean => token === 0xcf || token === 0xd3;
const isNumber = (token: number): boolean =>
  sizes[token] !== VARIABLE && token !== 0xc0 && token !== 0xc2 && token !== 0xc3;

/**
 * Decides in one pass, without recursion and without allocating, whether bytes from outside are what `encode` makes
 * within the limits (or what another MessagePack writer makes of plain values). Everything accepted can be decoded,
 * and what decoding builds is bounded by the limits. One instance serves any number of calls, one at a time.
 */
export class MsgpackScan {
  readonly #reader = new Reader();
  readonly #lefts = new Int32Array(DEEPEST);
  readonly #frames = new Uint8Array(DEEPEST);
  #numericKeys = 0;
  /** Outcome of `#variable`: how many items the container it began holds, -1 if it passed a whole value. */
  #items = -1;
  #frame: number = Frame.values;

  /** Of the bytes from `start` to `end`. Throws `ERR_FRAME` naming the offset and the reason. */
  run(bytes: Uint8Array, limits: CodecLimits, start = 0, end = bytes.length): void {
    if (end - start > limits.maxMessageBytes) {
      throw broken(0, `${end - start} bytes exceed maxMessageBytes (${limits.maxMessageBytes})`);
    }
    this.#reader.reset(bytes, end);
    this.#numericKeys = 0;
    try {
      this.#scan(bytes, start, end, depthLimit(limits), Math.min(limits.maxNodes, MOST_ITEMS));
    } catch (error) {
      // Once more, so that offsets are those in the body.
      if (start > 0) this.run(bytes.subarray(start, end), limits);
      throw error;
    }
  }

  /** The hot loop: whole, and with its state in locals. */
  #scan(bytes: Uint8Array, start: number, end: number, maxDepth: number, maxNodes: number): void {
    const reader = this.#reader;
    let nodes = 1;
    let depth = 0;
    let left = 1;
    let frame: number = Frame.values;
    let at = start;
    for (;;) {
      while (left === 0) {
        if (depth === 0) return finish(at, end);
        depth--;
        left = this.#lefts[depth] as number;
        frame = this.#frames[depth] as number;
      }
      left--;
      if (at >= end) throw broken(end, 'the body ends early');
      if (frame !== Frame.values) {
        const keyDue = (left & 1) === 1;
        if (keyDue && frame <= Frame.binPairs) {
          at = frame === Frame.stringPairs ? this.#key(bytes, at, end) : reader.utf16(at);
          continue;
        }
        if (frame === Frame.set || (keyDue && frame === Frame.anyPairs)) this.#countKey(bytes, at);
      }
      const token = bytes[at++] as number;
      const size = sizes[token] as number;
      if (size !== VARIABLE) {
        at += size;
        continue;
      }
      let items: number;
      let inner: number = Frame.values;
      if (token < 0x90) {
        items = 2 * (token - 0x80);
        inner = Frame.stringPairs;
      } else if (token < 0xa0) {
        items = token - 0x90;
      } else if (token < 0xc0) {
        at = shortText(bytes, at - 1, end) || reader.text(at, token - 0xa0);
        continue;
      } else {
        at = this.#variable(token, at);
        items = this.#items;
        if (items < 0) continue;
        inner = this.#frame;
      }
      if (items > end - at) throw broken(at, `${items} values are announced in ${end - at} bytes`);
      nodes += items;
      if (nodes > maxNodes) throw broken(at, `more than maxNodes (${maxNodes}) values`);
      if (depth >= maxDepth) throw broken(at, `nested deeper than maxDepth (${maxDepth})`);
      this.#lefts[depth] = left;
      this.#frames[depth] = frame;
      depth++;
      left = items;
      frame = inner;
    }
  }

  #key(bytes: Uint8Array, at: number, end: number): number {
    const next = shortText(bytes, at, end);
    // One as long as `__proto__` is looked at.
    return next === 0 || next - at === PROTO_BYTES ? this.#reader.key(at) : next;
  }

  /** A string, binary or larger container, or an extension: whatever needs more than its token to be passed. */
  #variable(token: number, at: number): number {
    this.#items = -1;
    const reader = this.#reader;
    if (token >= 0xd9 && token <= 0xdb) {
      const width = 1 << (token - 0xd9);
      return reader.text(at + width, reader.length(at, width));
    }
    if (token >= 0xc4 && token <= 0xc6) return reader.bin(at - 1);
    if (token >= 0xdc && token <= 0xdf) {
      const width = token % 2 === 0 ? 2 : 4;
      const isMap = token >= 0xde;
      this.#items = reader.length(at, width) * (isMap ? 2 : 1);
      this.#frame = isMap ? Frame.stringPairs : Frame.values;
      return at + width;
    }
    if (token === 0xd4) return this.#extension(at);
    throw broken(at - 1, `token 0x${token.toString(16)} is not part of the format`);
  }

  /** Type and filler byte; then, for ours, the array in place. */
  #extension(at: number): number {
    const type = this.#reader.byte(at);
    if (this.#reader.byte(at + 1) !== 0 || (type !== 0 && type !== EXTENSION)) {
      throw broken(at, `extension type ${type} is not part of the format`);
    }
    return type === 0 ? at + 2 : this.#special(at + 2);
  }

  /** The forms that `wire.ts` draws. Those of fixed length come with the shortest header only. */
  #special(at: number): number {
    const reader = this.#reader;
    const token = reader.byte(at);
    const width = token === 0xdc ? 2 : token === 0xdd ? 4 : 0;
    if (width === 0 && (token < 0x90 || token > 0x9f)) throw broken(at, 'an extension lacks its array');
    const items = (width === 0 ? token - 0x90 : reader.length(at + 1, width)) - 1;
    const kind = reader.byte(at + 1 + width);
    const next = at + 2 + width;
    if (kind <= Kind.object && items >= 0) {
      if (kind !== Kind.set && items % 2 !== 0) throw broken(at, 'a key lacks its value');
      this.#items = items;
      this.#frame = kind === Kind.map ? Frame.anyPairs : kind === Kind.set ? Frame.set : Frame.binPairs;
      return next;
    }
    if (token === 0x91 && kind === Kind.negativeZero) return next;
    if (token === 0x92 && kind === Kind.text) return reader.utf16(next);
    if (token === 0x92 && kind === Kind.date) return this.#date(next);
    if (token === 0x93 && kind === Kind.view) return this.#view(next);
    if (token === 0x92 && (kind === Kind.positiveBigint || kind === Kind.negativeBigint))
      return this.#bigint(next);
    throw broken(at, `an extension of kind ${kind} with ${items} parts is not part of the format`);
  }

  #date(at: number): number {
    const token = this.#reader.byte(at);
    if (!isNumber(token) || isBigint(token)) throw broken(at, 'a date is not a number');
    return this.#reader.skip(at + 1, sizes[token] as number);
  }

  #view(at: number): number {
    const code = this.#reader.byte(at);
    const view = views[code];
    if (view === undefined) throw broken(at, `typed array ${code} is not part of the format`);
    if (!view.known) throw broken(at, `this Node.js has no ${view.name}`);
    const next = this.#reader.bin(at + 1);
    const length = this.#reader.binLength;
    if (length % view.size !== 0) throw broken(at, `${length} bytes are not a whole ${view.name}`);
    return next;
  }

  #bigint(at: number): number {
    const next = this.#reader.bin(at);
    const length = this.#reader.binLength;
    if (length === 0 || length > MAX_BIGINT_BYTES) throw broken(at, `a bigint has ${length} bytes`);
    return next;
  }

  /** For keys of Maps and values of Sets. */
  #countKey(bytes: Uint8Array, at: number): void {
    const token = bytes[at] as number;
    if (isNumber(token)) {
      this.#numericKeys += isBigint(token) ? BIGINT_KEY : 1;
    } else if (token === 0xd4 && bytes[at + 1] === EXTENSION && bytes[at + 3] === 0x92) {
      const kind = bytes[at + 4];
      if (kind === Kind.positiveBigint || kind === Kind.negativeBigint) this.#numericKeys += BIGINT_KEY;
    }
    if (this.#numericKeys > MAX_NUMERIC_KEYS) {
      throw broken(
        at,
        `more than ${MAX_NUMERIC_KEYS} numbers are Map keys or Set values (a bigint counts ${BIGINT_KEY} times)`,
      );
    }
  }
}

/** Where a short string ends that is ASCII, 0 for all else: of most strings this is all there is to know. */
function shortText(bytes: Uint8Array, at: number, end: number): number {
  const token = bytes[at] as number;
  const next = at + token - 0x9f;
  if (token < 0xa0 || token > 0xbf || next > end) return 0;
  let all = 0;
  for (let i = at + 1; i < next; i++) all |= bytes[i] as number;
  return all < 0x80 ? next : 0;
}

function finish(at: number, end: number): void {
  if (at > end) throw broken(end, 'the body ends early');
  if (at < end) throw broken(at, `${end - at} bytes follow the body`);
}
