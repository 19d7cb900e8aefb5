import type { CodecLimits } from '../codec.js';
import { encodeExotic } from './exotic.js';
import type { Key, Keys } from './keys.js';
import { checkContainer } from './limits.js';
import { FULL, Output } from './output.js';
import { Refusal, refusalFrom, type Step } from './refusal.js';
import { needsUtf16 } from './utf8.js';
import { Kind } from './wire.js';

/** Thrown where an object turns out to have a key that no map can carry, when its first keys are written already. */
const ODD_KEY = Symbol('odd key');
/** Room for a kept key, which is written in words. */
const KEY = 48;

const hasOwn = Object.prototype.hasOwnProperty;

/** What for-in finds in it, it finds in every plain object. */
const NOTHING = {};

/**
 * One pass over a body that finds what cannot be sent, counts what the limits bound, and writes what is left. Reads every
 * property, so getters run; some may run several times.
 */
export class Encoder {
  readonly out = new Output();
  limits: CodecLimits = { maxMessageBytes: 0, maxDepth: 0, maxNodes: 0 };
  /** Values so far, keys included. */
  nodes = 1;
  /** See `MAX_NUMERIC_KEYS`. */
  numericKeys = 0;
  /** Whether the keys of an object are looked over before it is begun: a second look costs less than one at each key. */
  #careful = false;
  /** Whether plain objects inherit keys. Where they do not, as is usual, for-in finds their own: to ask of each costs a quarter of all. */
  #inherits = false;

  constructor(readonly keys: Keys) {}

  /** Answers where the body ends. Throws a `Refusal`, or `FULL`. */
  run(body: unknown, limits: CodecLimits): number {
    this.limits = limits;
    this.out.limit = limits.maxMessageBytes;
    this.#careful = false;
    this.#inherits = hasKey(NOTHING);
    const end = this.#attempt(body);
    if (this.#inherits || !hasKey(NOTHING)) return end;
    // A getter in the body has seen to that.
    this.#inherits = true;
    return this.#attempt(body);
  }

  #attempt(body: unknown): number {
    try {
      return this.#whole(body);
    } catch (error) {
      // What has been found too long was judged by keys as text; with one that no map can carry, all are written in another way.
      if (
        error !== ODD_KEY &&
        error !== FULL &&
        !(error instanceof Refusal && error.code === 'ERR_TOO_LARGE')
      )
        throw error;
      this.#careful = true;
      return this.#whole(body);
    }
  }

  #whole(body: unknown): number {
    this.nodes = 1;
    this.numericKeys = 0;
    const { out } = this;
    const at = this.write(body, out.start, 0, this.keys.root);
    this.enter(0);
    if (at - out.start > out.limit) throw out.tooLarge(`${at - out.start}`);
    return at;
  }

  /** `depth` counts the containers around `value`, which has been counted; `key` is the last one above it. */
  write(value: unknown, at: number, depth: number, key: Key): number {
    // V8 makes no text of `typeof` where it is compared at once, as it would for a switch.
    if (typeof value === 'string') return this.out.text(value, at);
    if (typeof value === 'number') return this.out.number(value, at);
    if (typeof value === 'object')
      return value === null ? this.out.token(0xc0, at) : this.#container(value, at, depth + 1, key);
    if (typeof value === 'boolean') return this.out.token(value ? 0xc3 : 0xc2, at);
    if (value === undefined) return this.out.undefined(at);
    if (typeof value === 'bigint') return this.out.bigint(value, at);
    const advice = typeof value === 'function' ? 'send its result or its name' : 'send a string';
    throw new Refusal('ERR_UNSERIALIZABLE', `is a ${typeof value}, which cannot be sent; ${advice}.`);
  }

  /** To be called on entering a container, its children counted as far as their number is known. */
  enter(depth: number): void {
    checkContainer(this.limits, depth, this.nodes);
  }

  #container(value: object, at: number, depth: number, key: Key): number {
    if (Array.isArray(value)) return this.#array(value, at, depth, key);
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null)
      return this.record(value, at, depth, key, this.#inherits);
    return encodeExotic(this, value, at, depth, key);
  }

  #array(source: readonly unknown[], start: number, depth: number, key: Key): number {
    const { length } = source;
    this.nodes += length;
    this.enter(depth);
    let at = this.out.array(length, start);
    let index = 0;
    try {
      for (; index < length; index++) at = this.write(source[index], at, depth, key);
    } catch (error) {
      throw this.under(error, source, index);
    }
    return at;
  }

  /** Own enumerable string properties, as `structuredClone` takes them. `inherits`: there may be others, of the prototype's. */
  record(source: object, start: number, depth: number, above: Key, inherits: boolean): number {
    this.enter(depth);
    if (this.#careful && hasOddKey(source)) return this.#oddRecord(source, start, depth, above);
    const { out } = this;
    let at = out.token(0x80, start);
    let count = 0;
    let before = above;
    let step: string | undefined;
    try {
      for (const name in source) {
        if (inherits && !hasOwn.call(source, name)) continue;
        step = name;
        this.nodes += 2;
        if (at + KEY > out.end) out.reserve(at, KEY, 1);
        const first = count === 0;
        const guess = first ? above.inner : before.next;
        const key = guess.text === name ? guess : this.#follow(name, first, above, before);
        at = key === this.keys.root ? out.text(name, at) : out.key(key, at);
        const value = (source as Record<string, unknown>)[name];
        // As `write` does, which V8 does not inline here.
        if (typeof value === 'string') at = out.text(value, at);
        else if (typeof value === 'number') at = out.number(value, at);
        else at = this.write(value, at, depth, key);
        if (++count === 0x10) at = out.shift(start + 1, 2, at);
        else if (count === 0x10000) at = out.shift(start + 3, 2, at);
        before = key;
      }
    } catch (error) {
      throw this.under(error, source, step);
    }
    out.mapHeader(count, start);
    return at;
  }

  /** What to throw in place of what was thrown below `step` of `owner`. */
  under(error: unknown, owner: unknown, step: Step | undefined): unknown {
    return error === FULL || error === ODD_KEY ? error : refusalFrom(error).under(owner, step);
  }

  /** Finds a key that was not the one expected, and expects it the next time. `root` for one that is not kept. */
  #follow(name: string, first: boolean, above: Key, before: Key): Key {
    const key = this.keys.find(name);
    if (key === undefined) {
      if (!isOdd(name)) return this.keys.root;
      if (this.#careful) throw new Refusal('ERR_UNSERIALIZABLE', 'appeared while its object was read.');
      throw ODD_KEY;
    }
    if (first) above.inner = key;
    else before.next = key;
    return key;
  }

  /** Keys that a `str` cannot carry, or that must not be assigned, travel as UTF-16. */
  #oddRecord(source: object, start: number, depth: number, above: Key): number {
    const { out } = this;
    const names = Object.keys(source);
    let at = out.special(Kind.object, 2 * names.length, start);
    let step: string | undefined;
    try {
      for (const name of names) {
        step = name;
        this.nodes += 2;
        at = out.utf16(name, at);
        at = this.write((source as Record<string, unknown>)[name], at, depth, above);
      }
    } catch (error) {
      throw this.under(error, source, step);
    }
    return at;
  }
}

function isOdd(name: string): boolean {
  return name === '__proto__' || needsUtf16(name);
}

function hasKey(source: object): boolean {
  for (const _name in source) return true;
  return false;
}

function hasOddKey(source: object): boolean {
  for (const name in source) if (isOdd(name) && hasOwn.call(source, name)) return true;
  return false;
}
