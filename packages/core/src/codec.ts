import { createJsonCodec } from './codec/json.js';
import { createMsgpackCodec } from './codec/msgpack.js';
import { createRawCodec } from './codec/raw.js';
import { PigeonholeError, show } from './errors.js';

export type CodecName = 'msgpack' | 'json' | 'raw';

/** What a message's `codec` field says. A receiver decodes by it, so sender and receiver need not be configured alike. */
export const CodecId = { msgpack: 0, json: 1, raw: 2, custom: 3 } as const;

/** Bounds on what one body may make a receiver build. The sender checks the same, so a body that leaves also arrives. */
export interface CodecLimits {
  /** Encoded bytes. */
  maxMessageBytes: number;
  /** Nesting of objects, arrays, Maps and Sets. */
  maxDepth: number;
  /** Values in one body, keys included. */
  maxNodes: number;
}

export interface Codec {
  readonly name: string;
  readonly id: number;
  /** Returns bytes that nothing else refers to. Throws `ERR_UNSERIALIZABLE` (naming the key path) or `ERR_TOO_LARGE`. */
  encode(body: unknown, limits: CodecLimits): Uint8Array;
  /**
   * Encodes into `target` from `at` on and answers how many bytes that took; -1 if there is not room enough. What lies
   * before `at` stays as it was; what lies behind the bytes answered is undefined, for an encoder may have tried a longer
   * way first. Throws what `encode` throws. Optional: `encode` does without.
   */
  encodeInto?(body: unknown, limits: CodecLimits, target: Uint8Array, at: number): number;
  /** Decodes bytes that `verify` let pass, or that this process encoded. Nothing decoded aliases `bytes`. */
  decode(bytes: Uint8Array): unknown;
  /** `decode` of the bytes from `start` to `end`, without a view of them. Optional. */
  decodeRange?(bytes: Uint8Array, start: number, end: number): unknown;
  /**
   * `verify` and `decode` in one, of the bytes from `start` to `end` (all by default), which nobody has verified and which the next message
   * overwrites: the codec must not receive while it decodes, nor keep them. Throws `ERR_FRAME`. Optional: a codec without it is given a copy of its own.
   */
  decodeChecked?(bytes: Uint8Array, limits: CodecLimits, start?: number, end?: number): unknown;
  /** `decodeChecked` of bytes that nobody else has, which what is decoded may keep. Optional. */
  adopt?(bytes: Uint8Array): unknown;
  /** The bytes of a body that are its own encoding, where they lie. Throws what `encode` throws. Optional. */
  bytesOf?(body: unknown, limits: CodecLimits): Uint8Array;
  /** Checks bytes from outside in one linear scan before anything is allocated. Throws `ERR_FRAME`. */
  verify(bytes: Uint8Array, limits: CodecLimits): void;
  /** `verify` of the bytes from `start` to `end`, without a view of them. Optional. */
  verifyRange?(bytes: Uint8Array, limits: CodecLimits, start: number, end: number): void;
}

export const defaultLimits: CodecLimits = Object.freeze({
  maxMessageBytes: 16 * 2 ** 20,
  maxDepth: 128,
  maxNodes: 2 ** 20,
});

const builtIn = {
  msgpack: createMsgpackCodec(CodecId.msgpack),
  json: createJsonCodec(CodecId.json),
  raw: createRawCodec(CodecId.raw),
} as const satisfies Record<CodecName, Codec>;

/** An index, because every message asks. */
const byId: readonly Codec[] = Object.values(builtIn).sort((a, b) => a.id - b.id);

/** The built-in codec of a `CodecId`; `undefined` for a custom one, which only the application has. */
export function codecById(id: number): Codec | undefined {
  return byId[id];
}

/** A codec by its name, or the application's own. Throws `ERR_CONFIG` naming what is allowed. */
export function codecFor(name: CodecName | Codec): Codec {
  if (typeof name === 'string' && Object.hasOwn(builtIn, name)) return builtIn[name];
  if (isCodec(name) && (name.id === CodecId.custom || codecById(name.id) === name)) return name;
  const names = Object.keys(builtIn).map(show).join(', ');
  throw new PigeonholeError(
    'ERR_CONFIG',
    `codec is ${show(name)}; allowed are ${names}, or an object { name, id: ${CodecId.custom}, encode, decode, verify }.`,
  );
}

function isCodec(value: unknown): value is Codec {
  if (typeof value !== 'object' || value === null) return false;
  const { name, encode, decode, verify } = value as Partial<Codec>;
  return typeof name === 'string' && [encode, decode, verify].every((method) => typeof method === 'function');
}

/** Checks a body that has come from outside, as its codec asks; throws `ERR_FRAME`. An application's own codec does so itself when it decodes. */
export function verifyBody(
  { codec, body }: { readonly codec: number; readonly body: Uint8Array },
  limits: CodecLimits = defaultLimits,
): void {
  codecById(codec)?.verify(body, limits);
}
