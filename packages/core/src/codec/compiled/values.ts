/** What a value is to a schema, and what the encoders and decoders do with it apart from its parts. */
import { types } from 'node:util';
import { whyEmptied } from '../exotic.js';
import { assign, spread } from '../sparse.js';
import { readCount, writeCount, writeDouble } from './numbers.js';
import { early, misfit, odd, type State } from './state.js';

const hasOwn = Object.prototype.hasOwnProperty;

/** One bit each. */
export const Type = {
  null: 1,
  boolean: 2,
  number: 4,
  string: 8,
  array: 16,
  object: 32,
  undefined: 64,
  bigint: 128,
  bytes: 256,
  date: 512,
  other: 1024,
} as const;

export function typeOf(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return Type.string;
    case 'number':
      return Type.number;
    case 'boolean':
      return Type.boolean;
    case 'undefined':
      return Type.undefined;
    case 'bigint':
      return Type.bigint;
    case 'object':
      if (value === null) return Type.null;
      if (Array.isArray(value)) return Type.array;
      if (isRecord(value)) return Type.object;
      return types.isUint8Array(value) ? Type.bytes : types.isDate(value) ? Type.date : Type.other;
    default:
      return Type.other;
  }
}

/**
 * Whether a value is one whose content is its own enumerable properties: a plain object, or an instance of a class that
 * is not built in, which arrives as a plain object.
 */
export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || isInstance(value);
}

function isInstance(value: object): boolean {
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return false;
  if (types.isDate(value) || types.isMap(value) || types.isSet(value) || types.isArrayBuffer(value))
    return false;
  return whyEmptied(value) === undefined;
}

/** A property that the schema names: of `Object.prototype`'s own names only if the object has it itself. */
export function property(record: Record<string, unknown>, name: string): unknown {
  return isInherited(name) && !hasOwn.call(record, name) ? undefined : record[name];
}

/** Whether every object has such a property. */
export function isInherited(name: string): boolean {
  return name in Object.prototype;
}

/** Throws `misfit` if there are properties beside those named. */
export function onlyNamed(record: Record<string, unknown>, names: ReadonlySet<string>): void {
  for (const key of Object.keys(record)) if (!names.has(key)) throw misfit;
}

/** The properties beside those named. Throws `misfit` if one does not match. */
export function otherKeys(
  record: Record<string, unknown>,
  names: ReadonlySet<string>,
  pattern: RegExp | null,
): string[] {
  const keys = Object.keys(record);
  const others = names.size === 0 ? keys : keys.filter((key) => !names.has(key));
  if (pattern !== null) for (const key of others) if (!pattern.test(key)) throw misfit;
  return others;
}

/**
 * Sets a property that the schema does not name; takes and answers what `spread` does. Throws `ERR_FRAME` for one that the
 * schema names, or that is there.
 */
export function setOther(
  record: Record<string, unknown>,
  names: ReadonlySet<string>,
  key: string,
  value: unknown,
  at: number,
  isSparse: boolean,
): boolean {
  if (names.has(key)) throw odd(at, 'a property that the schema names is among the others');
  if (hasOwn.call(record, key)) throw odd(at, 'a property comes twice');
  const spreads = spread(record, key, isSparse);
  setOwn(record, key, value);
  return spreads;
}

/** An own property of that name, whatever the name. */
export function setOwn(record: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') assign(record, key, value);
  else Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
}

/** The array, if it is one; its length is read once. Throws `misfit`. */
export function arrayOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw misfit;
  return value;
}

export function writeDate(target: Uint8Array, at: number, value: unknown): number {
  if (!types.isDate(value)) throw misfit;
  return writeDouble(target, at, Date.prototype.getTime.call(value));
}

export function writeBytes(target: Uint8Array, at: number, value: unknown): number {
  if (!types.isUint8Array(value)) throw misfit;
  const start = writeCount(target, at, value.length);
  if (value.length <= target.length - start) target.set(value, start);
  return start + value.length;
}

/** A copy, in memory of its own. */
export function readBytes(bytes: Uint8Array, at: number, end: number, state: State): Uint8Array {
  const length = readCount(bytes, at, end, state);
  const start = state.at;
  if (length > end - start) throw early(start);
  state.at = start + length;
  return new Uint8Array(bytes.subarray(start, start + length));
}

/** How many elements follow; `least` is how many bytes each has at least. */
export function readElements(
  bytes: Uint8Array,
  at: number,
  end: number,
  state: State,
  least: number,
  nodes: number,
): number {
  const count = readCount(bytes, at, end, state);
  if (count * least > end - state.at) throw early(state.at);
  state.count(count * nodes);
  return count;
}

/** The byte that stands for an element without bytes. */
export function skipPadding(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) throw early(at);
  if (bytes[at] !== 0) throw odd(at, 'an element without content is not 0');
  return at + 1;
}
