import { Buffer } from 'node:buffer';

/** Longer ones are rare, and cost little more as text. In bytes, without header. */
const LONGEST_KEPT = 31;
/** Keys up to this are written in words of four bytes. In bytes, header included. */
export const WORDS = 16;
/** Keys of records are few where they are names, and never end where they are data. */
const MOST_KEPT = 1024;

/** A key of plain objects with its encoding, and what came after it the last time: a guess that is checked by one comparison. */
export class Key {
  /** Key that followed in the same object. */
  next: Key = this;
  /** First key of an object that was this key's value, or an item of that value. */
  inner: Key = this;

  constructor(
    readonly text: string | undefined,
    /** Header and characters, which are ASCII. */
    readonly bytes: Uint8Array,
    /** How many of the bytes. */
    readonly length: number,
    /** The first bytes again, four in each, big-endian. */
    readonly a: number,
    readonly b: number,
    readonly c: number,
    readonly d: number,
  ) {}
}

/** The keys met most recently after the start of the process. Those that do not fit any more are encoded each time. */
export class Keys {
  readonly #kept = new Map<string, Key>();

  /** Before any key. */
  readonly root = new Key(undefined, new Uint8Array(0), 0, 0, 0, 0, 0);

  /** `undefined`: to be written as any text. */
  find(text: string): Key | undefined {
    return this.#kept.get(text) ?? this.#keep(text);
  }

  #keep(text: string): Key | undefined {
    if (this.#kept.size >= MOST_KEPT || text.length > LONGEST_KEPT) return undefined;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is meant.
    if (!/^[\x00-\x7f]*$/.test(text) || text === '__proto__') return undefined;
    const bytes = Buffer.alloc(Math.max(WORDS, text.length + 1));
    bytes[0] = 0xa0 | text.length;
    bytes.write(text, 1, 'latin1');
    const words = [0, 4, 8, 12].map((at) => bytes.readInt32BE(at)) as [number, number, number, number];
    // A string cut from a longer one would keep that one alive, and only names of properties compare by their address.
    const own = Object.keys({ [bytes.toString('latin1', 1, 1 + text.length)]: 0 })[0] as string;
    const key = new Key(own, bytes, text.length + 1, ...words);
    this.#kept.set(own, key);
    return key;
  }
}
