import type { Buffer } from 'node:buffer';
import type { Decoder } from './decoder.js';
import { BIGINT_KEY, MAX_NUMERIC_KEYS } from './limits.js';
import { broken } from './reader.js';
import { spread } from './sparse.js';
import { Kind, MAX_BIGINT_BYTES, views } from './wire.js';

/** Decodes one of the forms that `wire.ts` draws, from its array on. Those of fixed size come with the shortest header only. */
export function decodeSpecial(decoder: Decoder): unknown {
  const { at } = decoder;
  const token = decoder.length(1);
  const width = token === 0xdc ? 2 : token === 0xdd ? 4 : 0;
  if (width === 0 && (token < 0x90 || token > 0x9f)) throw broken(at, 'an extension lacks its array');
  const items = (width === 0 ? token - 0x90 : decoder.length(width)) - 1;
  const kind = decoder.length(1);
  if (kind === Kind.map && items >= 0 && items % 2 === 0) return map(decoder, items);
  if (kind === Kind.set && items >= 0) return set(decoder, items);
  if (kind === Kind.object && items >= 0 && items % 2 === 0) return object(decoder, items);
  if (token === 0x91 && kind === Kind.negativeZero) return -0;
  if (token === 0x92 && kind === Kind.text) return utf16(decoder);
  if (token === 0x92 && kind === Kind.date) return date(decoder);
  if (token === 0x92 && kind === Kind.positiveBigint) return magnitude(decoder);
  if (token === 0x92 && kind === Kind.negativeBigint) return -magnitude(decoder);
  if (token === 0x93 && kind === Kind.view) return view(decoder);
  throw broken(at, `an extension of kind ${kind} with ${items} parts is not part of the format`);
}

function map(decoder: Decoder, items: number): Map<unknown, unknown> {
  decoder.enter(items);
  const result = new Map<unknown, unknown>();
  for (let i = 0; i < items; i += 2) {
    const key = keyOf(decoder);
    result.set(key, decoder.value());
  }
  decoder.leave();
  return result;
}

function set(decoder: Decoder, items: number): Set<unknown> {
  decoder.enter(items);
  const result = new Set<unknown>();
  for (let i = 0; i < items; i++) result.add(keyOf(decoder));
  decoder.leave();
  return result;
}

/** Defines rather than assigns: `__proto__` becomes a property like any other. */
function object(decoder: Decoder, items: number): object {
  decoder.enter(items);
  const result = {};
  let isSparse = false;
  for (let i = 0; i < items; i += 2) {
    const key = utf16(decoder);
    const value = decoder.value();
    isSparse = spread(result, key, isSparse);
    Object.defineProperty(result, key, { value, writable: true, enumerable: true, configurable: true });
  }
  decoder.leave();
  return result;
}

/** A key of a Map or value of a Set, of which `MAX_NUMERIC_KEYS` may be numbers. */
function keyOf(decoder: Decoder): unknown {
  const { at } = decoder;
  const key = decoder.value();
  if (typeof key === 'number' && !Object.is(key, -0)) decoder.numericKeys++;
  else if (typeof key === 'bigint') decoder.numericKeys += BIGINT_KEY;
  if (decoder.numericKeys > MAX_NUMERIC_KEYS)
    throw broken(at, `more than ${MAX_NUMERIC_KEYS} numbers are Map keys or Set values`);
  return key;
}

function bin(decoder: Decoder): Buffer {
  const { at } = decoder;
  const token = decoder.length(1);
  if (token < 0xc4 || token > 0xc6) throw broken(at, 'a binary was due');
  return decoder.copy(decoder.length(1 << (token - 0xc4)));
}

function utf16(decoder: Decoder): string {
  const { at } = decoder;
  const bytes = bin(decoder);
  if (bytes.length % 2 !== 0) throw broken(at, 'half a UTF-16 unit');
  return bytes.toString('utf16le');
}

function date(decoder: Decoder): Date {
  const { at } = decoder;
  const milliseconds = decoder.value();
  if (typeof milliseconds !== 'number') throw broken(at, 'a date is not a number');
  return new Date(milliseconds);
}

function magnitude(decoder: Decoder): bigint {
  const { at } = decoder;
  const bytes = bin(decoder);
  const { length } = bytes;
  if (length === 0 || length > MAX_BIGINT_BYTES) throw broken(at, `a bigint has ${length} bytes`);
  return BigInt(`0x${bytes.toString('hex')}`);
}

function view(decoder: Decoder): unknown {
  const { at } = decoder;
  const code = decoder.length(1);
  const kind = views[code];
  if (kind === undefined) throw broken(at, `typed array ${code} is not part of the format`);
  if (!kind.known) throw broken(at, `this Node.js has no ${kind.name}`);
  const bytes = bin(decoder);
  if (bytes.length % kind.size !== 0) throw broken(at, `${bytes.length} bytes are not a whole ${kind.name}`);
  return kind.from(bytes);
}
