import { checkContainer } from '../../src/codec/limits.js';
import { Refusal, refusalFrom } from '../../src/codec/refusal.js';
import type { CodecLimits } from '../../src/codec.js';
import { exotic } from './exotic.js';
import { Bytes, Kind, Special } from './wire.js';

interface WellFormed {
  /** ES2024, and in every Node we support. */
  isWellFormed(): boolean;
}

/** `TextDecoder` drops a byte order mark at the start; strings this short are decoded without one. */
const SAFE_FROM_BOM = 16;

/** Whether UTF-8 would lose something: a lone surrogate, or a leading U+FEFF. */
function needsUtf16(text: string): boolean {
  if (!(text as unknown as WellFormed).isWellFormed()) return true;
  return text.length > SAFE_FROM_BOM && text.charCodeAt(0) === 0xfeff;
}

// V8 makes this one free inside for-in, unlike Object.hasOwn.
const hasOwn = Object.prototype.hasOwnProperty;

const utf16 = (text: string): Bytes => new Bytes(Buffer.from(text, 'utf16le'));
const negativeZero = new Special([Kind.negativeZero]);

/**
 * One pass over a body before it is encoded. Finds what cannot be sent, counts what the limits bound, and replaces what
 * msgpackr would lose. A body without any of that comes back as it is, and nothing is allocated for it.
 */
export class Walk {
  /** Values so far, keys included. */
  nodes = 1;
  /** UTF-16 units of all strings and keys so far. */
  units = 0;
  /** Bytes of all binary parts so far. */
  bytes = 0;
  /** See `MAX_NUMERIC_KEYS`. */
  numericKeys = 0;

  constructor(private readonly limits: CodecLimits) {}

  /** No encoding is shorter. */
  get least(): number {
    return this.nodes + this.units + this.bytes;
  }

  /** No encoding is longer: 16 bytes a value hold the longest header of `wire.ts`, 3 bytes a unit any UTF-8. */
  get most(): number {
    return 16 * this.nodes + 3 * this.units + this.bytes;
  }

  /** The body to hand to msgpackr. Throws a `Refusal`. Reads every property at least once, so getters run. */
  run(body: unknown): unknown {
    try {
      const sent = this.visit(body, 0);
      this.enter(0);
      return sent;
    } catch (error) {
      throw refusalFrom(error);
    }
  }

  /** `depth` counts the containers around `value`. The caller has counted `value` itself. */
  visit(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case 'string':
        this.units += value.length;
        return needsUtf16(value) ? new Special([Kind.text, utf16(value)]) : value;
      case 'number':
        return Object.is(value, -0) ? negativeZero : value;
      case 'object':
        return value === null ? null : this.container(value, depth + 1);
      case 'boolean':
      case 'undefined':
        return value;
      default:
        return this.rare(value);
    }
  }

  /** To be called on entering a container, its children counted as far as their number is known. */
  enter(depth: number): void {
    checkContainer(this.limits, depth, this.nodes);
  }

  private container(value: object, depth: number): unknown {
    if (Array.isArray(value)) return this.array(value, depth);
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) return this.record(value, depth, undefined);
    return exotic(this, value, depth);
  }

  private array(source: readonly unknown[], depth: number): unknown {
    const length = source.length;
    this.nodes += length;
    this.enter(depth);
    let index = 0;
    try {
      // msgpackr goes by `constructor`, so anything but a plain array has to become one.
      let copy: unknown[] | undefined = source.constructor === Array ? undefined : [];
      for (; index < length; index++) {
        const value = source[index];
        const sent = this.visit(value, depth);
        if (copy === undefined && !Object.is(sent, value)) copy = source.slice(0, index);
        if (copy !== undefined) copy.push(sent);
      }
      return copy ?? source;
    } catch (error) {
      throw refusalFrom(error).under(source, index);
    }
  }

  /** Own enumerable string properties, as `structuredClone` takes them. Copies if `entries` is given, or if it must. */
  record(source: object, depth: number, entries: unknown[] | undefined): unknown {
    this.enter(depth);
    let step: string | undefined;
    let oddKeys = false;
    try {
      for (const key in source) {
        if (!hasOwn.call(source, key)) continue;
        step = key;
        this.nodes += 2;
        this.units += key.length;
        const value = (source as Record<string, unknown>)[key];
        const sent = this.visit(value, depth);
        const odd = key === '__proto__' || needsUtf16(key);
        if (entries === undefined && (odd || !Object.is(sent, value))) entries = entriesBefore(source, key);
        if (entries !== undefined) {
          entries.push(key, sent);
          oddKeys ||= odd;
        }
      }
      if (entries === undefined) return source;
      return oddKeys ? specialObject(entries) : plainObject(entries);
    } catch (error) {
      throw refusalFrom(error).under(source, step);
    }
  }

  private rare(value: unknown): unknown {
    if (typeof value === 'bigint') return this.bigint(value);
    const advice = typeof value === 'function' ? 'send its result or its name' : 'send a string';
    throw new Refusal('ERR_UNSERIALIZABLE', `is a ${typeof value}, which cannot be sent; ${advice}.`);
  }

  private bigint(value: bigint): unknown {
    if (BigInt.asIntN(64, value) === value || BigInt.asUintN(64, value) === value) return value;
    const hex = (value < 0n ? -value : value).toString(16);
    const magnitude = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
    this.bytes += magnitude.length;
    return new Special([value < 0n ? Kind.negativeBigint : Kind.positiveBigint, new Bytes(magnitude)]);
  }
}

function entriesBefore(source: object, end: string): unknown[] {
  const entries: unknown[] = [];
  for (const key in source) {
    if (key === end) break;
    if (hasOwn.call(source, key)) entries.push(key, (source as Record<string, unknown>)[key]);
  }
  return entries;
}

function plainObject(entries: readonly unknown[]): object {
  const object: Record<string, unknown> = {};
  for (let i = 0; i < entries.length; i += 2) object[entries[i] as string] = entries[i + 1];
  return object;
}

/** Keys that MessagePack strings cannot carry, or that must not be assigned, travel beside their values. */
function specialObject(entries: readonly unknown[]): Special {
  return new Special([
    Kind.object,
    ...entries.map((entry, i) => (i % 2 === 0 ? utf16(entry as string) : entry)),
  ]);
}
