import { isUint8Array } from 'node:util/types';
import { markAsUntransferable } from 'node:worker_threads';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type Codec, CodecId, type CodecLimits, codecById } from './codec.js';
import { PigeonholeError, show } from './errors.js';
import {
  type Envelope,
  MAX_PRIORITY,
  MAX_SELECTED_TYPES,
  MAX_TYPE,
  type Message,
  type Selector,
} from './message.js';
import type { SendAtOnce } from './transport.js';

/** How the bodies of one handle become envelopes. */
export interface Sealing {
  readonly label: string;
  readonly from: string;
  readonly codec: Codec;
  readonly limits: CodecLimits;
  readonly schema: StandardSchemaV1 | undefined;
}

/** The body as its schema passes it; throws `ERR_SCHEMA`. A promise only where the schema gives one. */
export function validate(body: unknown, schema: StandardSchemaV1, label: string): unknown | Promise<unknown> {
  const result = schema['~standard'].validate(body);
  return result instanceof Promise
    ? result.then((settled) => checked(settled, label))
    : checked(result, label);
}

/** The first of several, up to one that has a problem, if any. */
export interface Sound<T = unknown> {
  readonly values: readonly T[];
  readonly problem: unknown;
}

/** Validates bodies, up to one that does not match its schema. A promise only where the schema gives one. */
export function validateMany(
  bodies: readonly unknown[],
  schema: StandardSchemaV1,
  label: string,
): Sound | Promise<Sound> {
  const values: unknown[] = [];
  for (const body of bodies) {
    try {
      const value = validate(body, schema, label);
      if (value instanceof Promise) {
        const rest = bodies.slice(values.length + 1);
        return validateLater(values, [value, ...rest.map(async (other) => validate(other, schema, label))]);
      }
      values.push(value);
    } catch (problem) {
      return { values, problem };
    }
  }
  return { values, problem: undefined };
}

async function validateLater(values: unknown[], rest: readonly Promise<unknown>[]): Promise<Sound> {
  for (const outcome of await Promise.allSettled(rest)) {
    if (outcome.status === 'rejected') return { values, problem: outcome.reason };
    values.push(outcome.value);
  }
  return { values, problem: undefined };
}

/** Where bodies are put one behind the other. */
type Outgoing = Pick<SendAtOnce, 'outgoing' | 'lengths' | 'sendBytes'>;

/** Most bytes that a small body can keep alive because it was encoded with others. */
const TOGETHER = 16_384;
let shared: Outgoing | undefined;

/**
 * For channels without memory of their own: to encode bodies one behind the other and copy them together costs half of what memory of its own for
 * each does. Null for a codec of the application's, which gets no memory with bodies of others.
 */
function sharedOutgoing({ codec }: Sealing): Outgoing | null {
  if (codecById(codec.id) !== codec) return null;
  shared ??= { outgoing: Buffer.allocUnsafeSlow(TOGETHER), lengths: new Uint32Array(256) };
  return shared;
}

/** Encodes those from `first` on, up to one that cannot be encoded. `channel`: whose memory may be used for it. */
export function sealMany(
  bodies: readonly unknown[],
  first: number,
  marks: Required<Marks>,
  sealing: Sealing,
  channel: SendAtOnce | undefined,
): Sound<Envelope> {
  const values: Envelope[] = [];
  let memory = channel ?? sharedOutgoing(sealing);
  try {
    while (first + values.length < bodies.length) {
      const next = first + values.length;
      const count = memory === null ? 0 : fillMany(bodies, next, sealing, memory);
      if (memory !== null && count > 0) {
        for (const each of sealFilled(memory, 0, count, marks, sealing)) values.push(each);
        continue;
      }
      values.push(seal(bodies[next], marks.type, marks.priority, sealing));
      // It has no room, and those behind it are likely to be as long.
      if (channel === undefined) memory = null;
    }
  } catch (problem) {
    return { values, problem };
  }
  return { values, problem: undefined };
}

/** Sends the first bodies of `outgoing`: how many were accepted, and envelopes of the others. */
export function sendFilled(
  channel: SendAtOnce,
  count: number,
  marks: Required<Marks>,
  sealing: Sealing,
): { readonly accepted: number; readonly sealed: readonly Envelope[] } {
  // A receiver of this process may decode what is sent, and its codec send another.
  filling = true;
  try {
    const accepted = channel.sendMany(count, sealing.codec.id, marks.type, marks.priority);
    return { accepted, sealed: accepted < count ? sealFilled(channel, accepted, count, marks, sealing) : [] };
  } finally {
    filling = false;
  }
}

/** Envelopes of the bodies from number `from` to `to` of those which lie in `outgoing`: a copy of all of them, not one of each. */
function sealFilled(
  { outgoing, lengths }: Outgoing,
  from: number,
  to: number,
  { type, priority }: Required<Marks>,
  { codec, from: sender }: Sealing,
): Envelope[] {
  const sentAt = Date.now();
  const start = lengths.subarray(0, from).reduce((sum, length) => sum + length, 0);
  const end = lengths.subarray(from, to).reduce((sum, length) => sum + length, start);
  // A byte more, so that no body fills it: who borrows one is to take it for a part of what others have a part of.
  const together = Buffer.allocUnsafeSlow(end - start + 1);
  together.set(outgoing.subarray(start, end));
  const { buffer } = together;
  markAsUntransferable(buffer);
  const envelopes: Envelope[] = [];
  for (let index = from, at = 0; index < to; index++) {
    const length = lengths[index] as number;
    const body = new Uint8Array(buffer, at, length);
    envelopes.push({ body, codec: codec.id, from: sender, type, priority, sentAt });
    at += length;
  }
  return envelopes;
}

function checked(result: StandardSchemaV1.Result<unknown>, label: string): unknown {
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map((issue) => {
    const path = issue.path?.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
    return path ? `${path}: ${issue.message}` : issue.message;
  });
  throw new PigeonholeError(
    'ERR_SCHEMA',
    `the body for ${label} does not match its schema: ${issues.join('; ')}`,
    {
      cause: result.issues,
      address: label,
    },
  );
}

/** What a message carries beside its body. */
export interface Marks {
  type?: number;
  priority?: number;
}

/** 0 for none. Throws `ERR_CONFIG`. */
export function typeOf({ type }: Marks): number {
  if (type === undefined || isType(type)) return type ?? 0;
  throw new PigeonholeError(
    'ERR_CONFIG',
    `option type is ${show(type)}; it must be an integer from 1 to ${MAX_TYPE}`,
  );
}

/** Throws `ERR_CONFIG`. */
export function priorityOf({ priority = 0 }: Marks): number {
  if (Number.isInteger(priority) && priority >= 0 && priority <= MAX_PRIORITY) return priority;
  throw new PigeonholeError(
    'ERR_CONFIG',
    `option priority is ${show(priority)}; it must be an integer from 0 to ${MAX_PRIORITY}`,
  );
}

/** Encodes a body. Throws what the codec throws. */
export function seal(body: unknown, type: number, priority: number, sealing: Sealing): Envelope {
  const { codec, limits, from } = sealing;
  const bytes = asBytes(codec.encode(body, limits), codec, 'encode');
  return { body: bytes, codec: codec.id, from, type, priority, sentAt: Date.now() };
}

/** What a codec of the application's gives is looked at: native code reads it. Throws `ERR_UNSERIALIZABLE`. */
function asBytes(given: Uint8Array, { name }: Codec, by: string): Uint8Array {
  if (isUint8Array(given)) return given;
  throw new PigeonholeError(
    'ERR_UNSERIALIZABLE',
    `codec '${name}' gave ${show(given)} for a body; its ${by} must return a Uint8Array`,
  );
}

/** From so many bytes on it costs more to copy a body twice than to make a call for it alone. */
const APART = 8192;

/** A long body that can be sent from where it lies; else null. Throws what the codec throws. */
export function bytesApart(body: unknown, { codec, limits }: Sealing, channel: Outgoing): Uint8Array | null {
  if (codec.bytesOf === undefined || channel.sendBytes === undefined) return null;
  if (!(body instanceof Uint8Array) || body.length < APART) return null;
  // Others may change them while they are being read.
  if (!(body.buffer instanceof ArrayBuffer)) return null;
  return asBytes(codec.bytesOf(body, limits), codec, 'bytesOf');
}

/** Whether bodies are just being put where those of all handles are put. A getter of one may send another. */
let filling = false;

/** Encodes a body into the channel's `outgoing`, if it has room there. Throws what the codec throws. */
export function fill(body: unknown, { codec, limits }: Sealing, { outgoing, lengths }: SendAtOnce): boolean {
  if (filling || codec.encodeInto === undefined) return false;
  filling = true;
  try {
    const length = codec.encodeInto(body, limits, outgoing, 0);
    lengths[0] = length;
    return length >= 0;
  } finally {
    filling = false;
  }
}

/** Encodes bodies, from the one at `first` on, into `outgoing`: as many as have room, up to one that cannot be encoded. How many? */
export function fillMany(
  bodies: readonly unknown[],
  first: number,
  sealing: Sealing,
  channel: Outgoing,
): number {
  const { codec, limits } = sealing;
  const { outgoing, lengths } = channel;
  if (filling || codec.encodeInto === undefined) return 0;
  filling = true;
  let at = 0;
  let count = 0;
  try {
    for (; count < lengths.length && first + count < bodies.length; count++) {
      const body = bodies[first + count];
      if (bytesApart(body, sealing, channel) !== null) break;
      const length = codec.encodeInto(body, limits, outgoing, at);
      if (length < 0) break;
      lengths[count] = length;
      at += length;
    }
  } catch {
    // Whoever sends it by itself is told why.
  } finally {
    filling = false;
  }
  return count;
}

function isType(type: unknown): boolean {
  return Number.isInteger(type) && (type as number) >= 1 && (type as number) <= MAX_TYPE;
}

/** The selector that the options ask for; null for "anything". */
export function selectorOf(
  options: { type?: number | readonly number[]; from?: string },
  only: string | null,
): Selector | null {
  const { type, from } = options;
  if (type === undefined && from === undefined && only === null) return null;
  const types = type === undefined ? null : typeof type === 'number' ? [type] : [...type];
  for (const each of types ?? [])
    if (!isType(each))
      throw new PigeonholeError(
        'ERR_CONFIG',
        `option type is ${show(type)}; it must be an integer from 1 to ${MAX_TYPE}, or an array of such`,
      );
  if (types !== null && types.length > MAX_SELECTED_TYPES)
    throw new PigeonholeError(
      'ERR_CONFIG',
      `option type has ${types.length} types; it may have ${MAX_SELECTED_TYPES}`,
    );
  if (from !== undefined && only !== null && from !== only)
    throw new PigeonholeError(
      'ERR_CONFIG',
      `option from is ${show(from)}, but peer('${only}') receives only from '${only}'`,
    );
  return { types, from: only ?? from ?? null };
}

/** Decodes an envelope. Throws `ERR_CORRUPT`. */
export function openEnvelope<T>(
  envelope: Envelope,
  setup: { readonly codec: Codec; readonly label: string; readonly limits: CodecLimits },
): Message<T> {
  const { codec: id, from } = envelope;
  const codec = codecById(id) ?? setup.codec;
  // A built-in codec must not meet what only a custom one could have verified.
  if (codec.id !== id)
    throw new PigeonholeError(
      'ERR_CORRUPT',
      `a message from '${from}' in ${setup.label} was encoded by a codec of its sender's own; this handle has codec '${codec.name}'`,
      { address: setup.label },
    );
  let body: T;
  try {
    body = bodyOf(envelope, codec, setup.limits) as T;
  } catch (cause) {
    throw new PigeonholeError(
      'ERR_CORRUPT',
      `a message from '${from}' in ${setup.label} cannot be decoded by codec '${codec.name}'${why(cause)}`,
      { cause, address: setup.label },
    );
  }
  return messageOf(envelope, body);
}

export function messageOf<T>({ from, priority, sentAt, type }: Envelope, body: T): Message<T> {
  return type === 0 ? { body, from, priority, sentAt } : { body, from, type, priority, sentAt };
}

type Checking = Codec & Required<Pick<Codec, 'decodeChecked'>>;

/** Whether the codec can decode bytes which lie where those of the next message will. One that cannot may receive another one while it decodes. */
export function checksAsItDecodes(codec: Codec): codec is Checking {
  return codec.decodeChecked !== undefined;
}

/** Decodes a body, and checks it where nobody has yet. */
function bodyOf(envelope: Envelope, codec: Codec, limits: CodecLimits): unknown {
  const { decodedBy } = envelope;
  if (checksAsItDecodes(codec)) {
    if (decodedBy !== undefined) return decodedBy.call(envelope, codec, limits);
    // Of a built-in codec: it has been verified where it came in, or was encoded by this process.
    return codec.id === CodecId.custom
      ? codec.decodeChecked(envelope.body, limits)
      : codec.decode(envelope.body);
  }
  const bytes = decodedBy === undefined ? envelope.body : Buffer.from(envelope.body);
  codec.verify(bytes, limits);
  return codec.decode(bytes);
}

/** What one of our own errors says; the text of others may be anything. */
function why(cause: unknown): string {
  return cause instanceof PigeonholeError ? `: ${cause.message}` : '';
}
