import { isUint8Array } from 'node:util/types';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Codec, CodecLimits } from './codec.js';
import { PigeonholeError, show } from './errors.js';
import { type Envelope, MAX_PRIORITY, MAX_TYPE } from './message.js';

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

/** Node.js 20 has no word for it. */
function isDetached(buffer: ArrayBufferLike): boolean {
  try {
    return new DataView(buffer).byteLength < 0;
  } catch {
    return true;
  }
}

/** What a codec of the application's gives is looked at: native code reads it. Throws `ERR_UNSERIALIZABLE`. */
export function asBytes(given: Uint8Array, { name }: Codec, by: string): Uint8Array {
  if (isUint8Array(given) && (given.length > 0 || !isDetached(given.buffer))) return given;
  const what = isUint8Array(given) ? 'bytes whose memory it has transferred away' : show(given);
  throw new PigeonholeError(
    'ERR_UNSERIALIZABLE',
    `codec '${name}' gave ${what} for a body; its ${by} must return a Uint8Array`,
  );
}

export function isType(type: unknown): boolean {
  return Number.isInteger(type) && (type as number) >= 1 && (type as number) <= MAX_TYPE;
}
