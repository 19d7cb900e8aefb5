import { types } from 'node:util';
import { BIGINT_KEY, MAX_NUMERIC_KEYS } from '../../src/codec/limits.js';
import { Refusal, refusalFrom } from '../../src/codec/refusal.js';
import type { Walk } from './walk.js';
import { Bytes, bytesOf, Kind, Special, views } from './wire.js';

// The intrinsic getter tells the kind of a typed array whatever its class, realm or own properties say.
const typedArrayName = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get as (this: unknown) => string | undefined;

/**
 * What stands for an object that is neither a plain object nor an array. The built-ins of R21 are told by their internal
 * slots, so subclasses and objects of another realm arrive as the built-in. A class instance arrives as a plain object
 * of its own enumerable string properties, as with `structuredClone`.
 */
export function exotic(walk: Walk, value: object, depth: number): unknown {
  if (ArrayBuffer.isView(value)) return view(walk, value);
  if (types.isDate(value)) return new Special([Kind.date, Date.prototype.getTime.call(value)]);
  if (types.isMap(value)) return map(walk, value, depth);
  if (types.isSet(value)) return set(walk, value, depth);
  if (types.isArrayBuffer(value)) return special(walk, 'ArrayBuffer', new Uint8Array(value));
  const reason = whyEmptied(value);
  if (reason !== undefined) throw new Refusal('ERR_UNSERIALIZABLE', reason);
  return walk.record(value, depth, []);
}

function view(walk: Walk, value: ArrayBufferView): unknown {
  if (Buffer.isBuffer(value)) {
    walk.bytes += value.byteLength;
    return new Bytes(value);
  }
  return special(walk, typedArrayName.call(value) ?? 'DataView', bytesOf(value));
}

function special(walk: Walk, name: string, bytes: Uint8Array): Special {
  const code = views.findIndex((known) => known.name === name);
  if (code < 0)
    throw new Refusal('ERR_UNSERIALIZABLE', `is a ${name}, which is not known; send its bytes as a Buffer.`);
  walk.bytes += bytes.byteLength;
  return new Special([Kind.view, code, new Bytes(bytes)]);
}

function map(walk: Walk, source: ReadonlyMap<unknown, unknown>, depth: number): Special {
  walk.nodes += 2 * source.size;
  walk.enter(depth);
  const parts: unknown[] = [Kind.map];
  let index = 0;
  let current: unknown;
  let inKey = true;
  try {
    for (const [key, value] of Map.prototype.entries.call(source)) {
      current = key;
      inKey = true;
      countKey(walk, key);
      parts.push(walk.visit(key, depth));
      inKey = false;
      parts.push(walk.visit(value, depth));
      index++;
    }
    return new Special(parts);
  } catch (error) {
    throw refusalFrom(error).under(
      source,
      inKey ? { call: 'keys', of: index } : { call: 'get', of: current },
    );
  }
}

function set(walk: Walk, source: ReadonlySet<unknown>, depth: number): Special {
  walk.nodes += source.size;
  walk.enter(depth);
  const parts: unknown[] = [Kind.set];
  try {
    for (const value of Set.prototype.values.call(source)) {
      countKey(walk, value);
      parts.push(walk.visit(value, depth));
    }
    return new Special(parts);
  } catch (error) {
    throw refusalFrom(error).under(source, { call: 'values', of: parts.length - 1 });
  }
}

function countKey(walk: Walk, key: unknown): void {
  if (typeof key === 'number') walk.numericKeys += 1;
  else if (typeof key === 'bigint') walk.numericKeys += BIGINT_KEY;
  else return;
  if (walk.numericKeys <= MAX_NUMERIC_KEYS) return;
  const advice = 'send them as an array or a typed array, and build the Map or Set at the receiver.';
  throw new Refusal(
    'ERR_TOO_LARGE',
    `is one of more than ${MAX_NUMERIC_KEYS} numbers as Map keys or Set values (a bigint counts ${BIGINT_KEY} times); ${advice}`,
  );
}

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
  const opaque = types.isWeakMap(value) || types.isWeakSet(value) || types.isKeyObject(value);
  // Built-ins and web classes keep their state in slots or private fields, and all of them carry a tag.
  if (!opaque && (Object.keys(value).length > 0 || !(Symbol.toStringTag in value))) return undefined;
  return `is a ${nameOf(value)}, which would arrive empty; send a string or a plain object that describes it.`;
}

function nameOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}
