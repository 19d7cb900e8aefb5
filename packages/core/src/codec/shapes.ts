import { Buffer } from 'node:buffer';
import type { Decoder } from './decoder.js';

/** A power of two. */
const SLOTS = 256;
/** Shapes in one slot. */
const ALIKE = 4;
/** In a full slot, only so many objects of no shape known bring about that the last shape gives way. */
const PATIENCE = 16;
/** In the life of a decoder, so that nobody outside can make it compile for ever. */
const MOST_COMPILED = 256;
/** How often a shape has to come before it is compiled. */
const OFTEN = 32;
/** Objects with more are of no shape. */
export const MOST_KEYS = 64;
/** The same, of all keys together, headers included. */
const MOST_BYTES = 1024;
/** Keys that are nothing but themselves in quotes. */
const COMPILABLE = /^[\w$-]{1,64}$/;

type Read = (decoder: Decoder, shape: Shape) => object;

/** The keys of an object that came, in their order. */
export class Shape {
  seen = 0;
  /** Reads an object of this shape, once that has come often enough. */
  read: Read | undefined;

  constructor(
    readonly keys: readonly string[],
    /** The keys in their shortest encoding, one behind the other. */
    readonly bytes: Uint8Array,
    /** Where each begins in `bytes`; one more says where the last one ends. */
    readonly offsets: readonly number[],
  ) {}
}

/** Shapes that begin alike, the one that came last first. */
export class Slot {
  readonly shapes: Shape[] = [];
  missed = 0;
}

/**
 * The shapes that came lately, a bounded number of them. One that comes again and again is compiled to a function that
 * makes the object in one step. Its source is made of keys of letters, digits, `_`, `$` and `-`, in quotes, and of nothing else that came.
 */
export class Shapes {
  readonly #slots = Array.from({ length: SLOTS }, () => new Slot());
  #compiled = 0;

  /** That of objects with so many keys, the first of which begins at `at`. */
  slot(count: number, bytes: Uint8Array, at: number): Slot {
    // What lies behind the end of a body does no harm here: keys are compared.
    const hash = (count * 31 + (bytes[at] as number)) * 31 + (bytes[at + 1] as number);
    return this.#slots[hash & (SLOTS - 1)] as Slot;
  }

  /** An object came that is of no shape in its slot. */
  learn(slot: Slot, keys: readonly string[]): void {
    const { shapes } = slot;
    if (shapes.length === ALIKE && ++slot.missed % PATIENCE !== 0) return;
    const offsets = [0];
    let length = 0;
    for (const key of keys) {
      const bytes = Buffer.byteLength(key);
      length += bytes + (bytes < 0x20 ? 1 : bytes < 0x100 ? 2 : 3);
      if (length > MOST_BYTES) return;
      offsets.push(length);
    }
    shapes.unshift(new Shape(keys, encoded(keys, offsets), offsets));
    if (shapes.length > ALIKE) shapes.pop();
  }

  /** An object of this shape came. */
  came({ shapes }: Slot, shape: Shape): void {
    if (shapes[0] !== shape) {
      const at = shapes.indexOf(shape);
      // Another object within this one may have made it give way.
      if (at > 0) shapes.splice(at, 1);
      shapes.unshift(shape);
      if (shapes.length > ALIKE) shapes.pop();
    }
    if (++shape.seen === OFTEN && this.#compiled < MOST_COMPILED) this.#compile(shape);
  }

  #compile(shape: Shape): void {
    if (!shape.keys.every((key) => COMPILABLE.test(key) && key !== '__proto__')) return;
    try {
      shape.read = compile(shape);
      this.#compiled++;
    } catch {
      // Node.js was started with --disallow-code-generation-from-strings, and will not change its mind.
      this.#compiled = MOST_COMPILED;
    }
  }
}

function encoded(keys: readonly string[], offsets: readonly number[]): Uint8Array {
  const all = Buffer.alloc(offsets[keys.length] as number);
  for (const [i, key] of keys.entries()) {
    const at = offsets[i] as number;
    const end = offsets[i + 1] as number;
    const length = all.write(key, end - Buffer.byteLength(key));
    if (length < 0x20) all[at] = 0xa0 | length;
    else if (length < 0x100) all.set([0xd9, length], at);
    else all.set([0xda, length >> 8, length], at);
  }
  return new Uint8Array(all.buffer, all.byteOffset, all.length);
}

function compile({ keys, bytes, offsets }: Shape): Read {
  const values = keys.map((_key, i) => `v${i}`);
  const reads = values.map((value, i) => {
    const key = bytes.subarray(offsets[i], offsets[i + 1]);
    return `p = d.at + d.shift;
if (d.at + ${key.length} > d.end || ${differs(key)}) return d.astray(s, [${values.slice(0, i)}]);
d.at += ${key.length};
const ${value} = d.value();`;
  });
  const members = keys.map((key, i) => `${JSON.stringify(key)}: ${values[i]}`);
  return new Function(
    'd',
    's',
    `const w = d.view;\nlet p;\n${reads.join('\n')}\nreturn { ${members} };`,
  ) as Read;
}

/** The condition that the bytes at `p` of the view `w` are not those of this key, in words. */
function differs(key: Uint8Array): string {
  const words = new DataView(key.buffer, key.byteOffset, key.length);
  const tests: string[] = [];
  for (let at = 0; at < key.length; at += 4) {
    // The last word overlaps the one before.
    const from = Math.min(at, Math.max(0, key.length - 4));
    if (key.length >= 4) tests.push(`w.getInt32(p + ${from}) !== ${words.getInt32(from)}`);
    else {
      tests.push(`w.getInt16(p) !== ${words.getInt16(0)}`);
      if (key.length === 3) tests.push(`w.getInt8(p + 2) !== ${words.getInt8(2)}`);
    }
  }
  return tests.join(' || ');
}
