import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { type Codec, CodecId, type CodecLimits, codecFor, defaultLimits } from '../../codec.js';
import { PigeonholeError } from '../../errors.js';
import { ExclusiveBytes } from '../exclusive.js';
import { DEEPEST, depthLimit, tooLarge } from '../limits.js';
import { Refusal, refusalFrom } from '../refusal.js';
import { reasonAgainst } from './check.js';
import { type Program, programOf } from './program.js';
import { type JsonSchema, planOf } from './schema.js';
import { isOpen, type Plan } from './shape.js';
import { early, odd, State, tooDeep, tooMany } from './state.js';

/** Of the fingerprint, and of the length of the open parts. */
const WORD = 4;
/** Bodies up to this are encoded in memory that is kept. */
const SCRATCH = 65_536;
/** What `decode` may build of a byte, beyond the default limit: no honest body has more. */
const NODES_A_BYTE = 64;

/**
 * A codec for bodies of one form, which a schema gives: no names on the wire, and code made for this form alone. For a
 * mailbox: `mailbox<Order>('orders', { codec: compiled(schema) })`.
 *
 * `schema` is a JSON Schema as a plain object (TypeBox's types are such), or a Standard Schema that has one. What is
 * sent is what the schema names, in full, or the send rejects with `ERR_SCHEMA` naming the key path; ranges, lengths,
 * patterns and formats are not looked at: give the mailbox its `schema` too. All processes need the same schema: the
 * first bytes are its fingerprint, and a receiver with another one gets `ERR_CORRUPT`.
 *
 * Throws `ERR_CONFIG` for a schema it cannot follow, naming the place and the keyword. Make it once, not for each
 * message: it generates code.
 */
export function compiled(schema: JsonSchema): Codec {
  const plan = planOf(schema);
  return new CompiledCodec(plan, programOf(plan));
}

export class CompiledCodec implements Codec {
  readonly id = CodecId.custom;
  readonly name: string;
  readonly #fingerprint: Uint8Array;
  readonly #open: boolean;
  readonly #exclusive = new ExclusiveBytes();
  /** Taken while it is in use: a getter of a body may send in turn. */
  #state: State | undefined;
  #scratch: Buffer | undefined;

  constructor(
    private readonly plan: Plan,
    private readonly program: Program,
  ) {
    // The number is that of the format.
    this.#fingerprint = createHash('sha256')
      .update(`1 ${JSON.stringify(plan)}`)
      .digest()
      .subarray(0, WORD);
    this.name = `compiled ${hex(this.#fingerprint, 0)}`;
    this.#open = isOpen(plan);
    // Handed about by themselves.
    this.encode = this.encode.bind(this);
  }

  encode(body: unknown, limits: CodecLimits): Uint8Array {
    const scratch = this.#scratch ?? Buffer.allocUnsafeSlow(8192);
    this.#scratch = undefined;
    let target = scratch;
    try {
      let length = this.#write(body, limits, target, 0);
      if (length > target.length) {
        target = Buffer.allocUnsafeSlow(length);
        length = this.#write(body, limits, target, 0);
        if (length !== target.length) throw changing();
        if (length > SCRATCH) return new Uint8Array(target.buffer, target.byteOffset, length);
      }
      const bytes = this.#exclusive.allocate(length);
      if (length > 64) target.copy(bytes, 0, 0, length);
      else for (let i = 0; i < length; i++) bytes[i] = target[i] as number;
      return bytes;
    } finally {
      this.#scratch = target.length > SCRATCH ? scratch : target;
    }
  }

  encodeInto(body: unknown, limits: CodecLimits, target: Uint8Array, at: number): number {
    const end = this.#write(body, limits, target, at);
    return end > target.length ? -1 : end - at;
  }

  decode(bytes: Uint8Array): unknown {
    const { length } = bytes;
    const maxNodes = defaultLimits.maxNodes + NODES_A_BYTE * length;
    return this.#read(bytes, 0, length, { maxMessageBytes: length, maxDepth: DEEPEST, maxNodes });
  }

  /** Decodes: what it builds meanwhile is bounded by the limits, and dropped. */
  verify(bytes: Uint8Array, limits: CodecLimits): void {
    this.decodeChecked(bytes, limits);
  }

  decodeChecked(bytes: Uint8Array, limits: CodecLimits, start = 0, end = bytes.length): unknown {
    return this.#read(bytes, start, end, limits);
  }

  /** Where the body ends, or would end: what does not fit into the target is dropped. */
  #write(body: unknown, limits: CodecLimits, target: Uint8Array, at: number): number {
    const state = this.#begin(limits);
    let end: number;
    try {
      for (let i = 0; i < WORD; i++) target[at + i] = this.#fingerprint[i] as number;
      end = this.program.write(target, at + WORD, body, state, 0);
      if (this.#open) end = writeOpen(state.open, limits, target, end);
    } catch (error) {
      throw this.#refused(error, body, limits);
    } finally {
      this.#finish(state);
    }
    if (end - at > limits.maxMessageBytes) throw tooLarge(`${end - at}`, limits.maxMessageBytes);
    return end;
  }

  #refused(error: unknown, body: unknown, limits: CodecLimits): PigeonholeError {
    if (isLimit(error)) return limited(error, limits).toError();
    if (error instanceof PigeonholeError && error.code === 'ERR_TOO_LARGE') return error;
    const reason = reasonAgainst(body, this.plan)?.toError();
    if (reason !== undefined) return reason;
    return error instanceof PigeonholeError
      ? error
      : error instanceof Refusal
        ? changing()
        : refusalFrom(error).toError();
  }

  #read(bytes: Uint8Array, start: number, end: number, limits: CodecLimits): unknown {
    if (end - start > limits.maxMessageBytes)
      throw odd(0, `${end - start} bytes exceed maxMessageBytes (${limits.maxMessageBytes})`);
    const body = start + WORD;
    if (body > end) throw early(end);
    const print = this.#fingerprint;
    for (let i = 0; i < WORD; i++) if (bytes[start + i] !== print[i]) throw this.#stranger(bytes, start);
    const state = this.#begin(limits);
    try {
      const stop = this.#open ? readOpen(bytes, body, end, limits, state) : end;
      const value = this.program.read(bytes, body, stop, state, 0);
      if (state.at !== stop) throw odd(state.at, `${stop - state.at} bytes follow the body`);
      if (state.taken !== state.open.length)
        throw odd(stop, 'there are more open parts than places for them');
      return value;
    } catch (error) {
      throw isLimit(error) ? odd(0, `it ${limited(error, limits).reason}`) : error;
    } finally {
      this.#finish(state);
    }
  }

  #stranger(bytes: Uint8Array, start: number): PigeonholeError {
    return new PigeonholeError(
      'ERR_FRAME',
      `The body was encoded by a schema with the fingerprint ${hex(bytes, start)}; this one has ${hex(this.#fingerprint, 0)}. Sender and receiver need the same schema.`,
    );
  }

  #begin(limits: CodecLimits): State {
    const state = this.#state ?? new State();
    this.#state = undefined;
    state.maxNodes = limits.maxNodes;
    state.maxDepth = depthLimit(limits);
    return state;
  }

  #finish(state: State): void {
    state.clear();
    this.#state = state;
  }
}

/** All open parts as one array in MessagePack, and its length behind it. */
function writeOpen(parts: readonly unknown[], limits: CodecLimits, target: Uint8Array, at: number): number {
  const bytes = codecFor('msgpack').encode(parts, limits);
  const { length } = bytes;
  if (at + length <= target.length) target.set(bytes, at);
  for (let i = 0; i < WORD; i++) target[at + length + i] = length >>> (8 * i);
  return at + length + WORD;
}

/** Leaves the parts in `state.open`; answers where the rest of the body ends. */
function readOpen(bytes: Uint8Array, from: number, end: number, limits: CodecLimits, state: State): number {
  const tail = end - WORD;
  if (tail < from) throw early(end);
  let length = 0;
  for (let i = WORD - 1; i >= 0; i--) length = length * 256 + (bytes[tail + i] as number);
  if (length > tail - from) throw odd(tail, `${length} bytes are announced and ${tail - from} are there`);
  const start = tail - length;
  const msgpack = codecFor('msgpack');
  const packed = bytes.subarray(start, tail);
  msgpack.verify(packed, limits);
  const parts = msgpack.decode(packed);
  if (!Array.isArray(parts)) throw odd(start, 'the open parts are no array');
  state.open = parts;
  return start;
}

function isLimit(error: unknown): error is Refusal {
  return error === tooMany || error === tooDeep;
}

function limited(error: Refusal, limits: CodecLimits): Refusal {
  const reason =
    error === tooMany
      ? `has more than maxNodes (${limits.maxNodes}) values; split the body`
      : `nests deeper than maxDepth (${depthLimit(limits)}, at most ${DEEPEST}), as far as the schema tells; flatten the body, or send ids in place of references back`;
  return new Refusal(error.code, reason);
}

function changing(): PigeonholeError {
  return new PigeonholeError(
    'ERR_UNSERIALIZABLE',
    'body changes while it is read: a getter or proxy; send a plain copy.',
  );
}

function hex(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.subarray(at, at + WORD)).toString('hex');
}
