import { Buffer } from 'node:buffer';
import { types } from 'node:util';
import type { Encoder } from './encoder.js';
import type { Key } from './keys.js';
import { BIGINT_KEY, MAX_NUMERIC_KEYS } from './limits.js';
import { Refusal } from './refusal.js';
import { Kind, views } from './wire.js';

// The intrinsic getters tell kind and extent whatever a value's class, realm or own properties say.
const getter = <T>(prototype: object, name: string | symbol): ((this: unknown) => T) =>
  Object.getOwnPropertyDescriptor(prototype, name)?.get as (this: unknown) => T;
const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
const typedArrayName = getter<string | undefined>(typedArray, Symbol.toStringTag);
const arrayExtent = extentOf(typedArray);
const dataViewExtent = extentOf(DataView.prototype);
const mapSize = getter<number>(Map.prototype, 'size');
const setSize = getter<number>(Set.prototype, 'size');

function extentOf(prototype: object): (view: ArrayBufferView) => Uint8Array {
  const buffer = getter<ArrayBuffer>(prototype, 'buffer');
  const offset = getter<number>(prototype, 'byteOffset');
  const length = getter<number>(prototype, 'byteLength');
  return (view) => new Uint8Array(buffer.call(view), offset.call(view), length.call(view));
}

/**
 * Writes an object that is neither a plain object nor an array. The built-ins of R21 are told by their internal slots, so
 * subclasses and objects of another realm arrive as the built-in. A class instance arrives as a plain object of its own
 * enumerable string properties, as with `structuredClone`.
 */
export function encodeExotic(encoder: Encoder, value: object, at: number, depth: number, key: Key): number {
  const { out } = encoder;
  if (ArrayBuffer.isView(value)) {
    const name = typedArrayName.call(value);
    if (name === undefined) return view(encoder, 'DataView', dataViewExtent(value), at);
    const bytes = arrayExtent(value);
    return Buffer.isBuffer(value) ? out.bin(bytes, at) : view(encoder, name, bytes, at);
  }
  if (types.isDate(value))
    return out.number(Date.prototype.getTime.call(value), out.special(Kind.date, 1, at));
  if (types.isMap(value)) return map(encoder, value, at, depth, key);
  if (types.isSet(value)) return set(encoder, value, at, depth, key);
  if (types.isArrayBuffer(value)) return view(encoder, 'ArrayBuffer', new Uint8Array(value), at);
  const reason = whyEmptied(value);
  if (reason !== undefined) throw new Refusal('ERR_UNSERIALIZABLE', reason);
  return encoder.record(value, at, depth, key, true);
}

function view({ out }: Encoder, name: string, bytes: Uint8Array, at: number): number {
  const code = views.findIndex((known) => known.name === name);
  if (code < 0)
    throw new Refusal('ERR_UNSERIALIZABLE', `is a ${name}, which is not known; send its bytes as a Buffer.`);
  return out.bin(bytes, out.number(code, out.special(Kind.view, 2, at)));
}

function map(
  encoder: Encoder,
  source: ReadonlyMap<unknown, unknown>,
  start: number,
  depth: number,
  above: Key,
): number {
  encoder.nodes += 2 * mapSize.call(source);
  encoder.enter(depth);
  // Getters of what is in it may change it, and its header has said how much is in it.
  const parts: unknown[] = [];
  Map.prototype.forEach.call(source, (value, key) => parts.push(key, value));
  let at = encoder.out.special(Kind.map, parts.length, start);
  let index = 0;
  try {
    for (; index < parts.length; index++) {
      if (index % 2 === 0) countKey(encoder, parts[index]);
      at = encoder.write(parts[index], at, depth, above);
    }
    return at;
  } catch (error) {
    const inKey = index % 2 === 0;
    throw encoder.under(
      error,
      source,
      inKey ? { call: 'keys', of: index / 2 } : { call: 'get', of: parts[index - 1] },
    );
  }
}

function set(
  encoder: Encoder,
  source: ReadonlySet<unknown>,
  start: number,
  depth: number,
  above: Key,
): number {
  encoder.nodes += setSize.call(source);
  encoder.enter(depth);
  const values: unknown[] = [];
  Set.prototype.forEach.call(source, (value) => values.push(value));
  let at = encoder.out.special(Kind.set, values.length, start);
  let index = 0;
  try {
    for (; index < values.length; index++) {
      countKey(encoder, values[index]);
      at = encoder.write(values[index], at, depth, above);
    }
    return at;
  } catch (error) {
    throw encoder.under(error, source, { call: 'values', of: index });
  }
}

function countKey(encoder: Encoder, key: unknown): void {
  if (typeof key === 'number') encoder.numericKeys += 1;
  else if (typeof key === 'bigint') encoder.numericKeys += BIGINT_KEY;
  else return;
  if (encoder.numericKeys <= MAX_NUMERIC_KEYS) return;
  const advice = 'send them as an array or a typed array, and build the Map or Set at the receiver.';
  throw new Refusal(
    'ERR_TOO_LARGE',
    `is one of more than ${MAX_NUMERIC_KEYS} numbers as Map keys or Set values (a bigint counts ${BIGINT_KEY} times); ${advice}`,
  );
}

/** Built-ins with their content in slots, which no proxy lets be seen. */
const slotted = [
  Date,
  Map,
  Set,
  RegExp,
  Number,
  String,
  Boolean,
  ArrayBuffer,
  DataView,
  typedArray.constructor as typeof Object,
];

/** Why copying an object's own enumerable properties would lose what it is; `undefined` if it would not. */
export function whyEmptied(value: object): string | undefined {
  if (types.isRegExp(value)) return 'is a RegExp, which would arrive empty; send its source and flags.';
  if (types.isNativeError(value) || value instanceof Error) {
    return 'is an Error, which would arrive without its message; send { name, message } or what the receiver needs.';
  }
  if (types.isPromise(value)) return 'is a Promise, which would arrive empty; await it before sending.';
  if (types.isBoxedPrimitive(value)) return 'is a boxed primitive; send its valueOf().';
  if (types.isSharedArrayBuffer(value))
    return 'is a SharedArrayBuffer, which cannot be shared by sending; send a copy.';
  const behind = types.isProxy(value) ? slotted.find((builtIn) => value instanceof builtIn) : undefined;
  if (behind !== undefined)
    return `is a proxy of a ${behind.name}, which would arrive without its content; send a copy.`;
  const opaque = types.isWeakMap(value) || types.isWeakSet(value) || types.isKeyObject(value);
  // Built-ins and web classes keep their state in slots or private fields, and all of them carry a tag.
  if (!opaque && (Object.keys(value).length > 0 || !(Symbol.toStringTag in value))) return undefined;
  return `is a ${nameOf(value)}, which would arrive empty; send a string or a plain object that describes it.`;
}

function nameOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}
