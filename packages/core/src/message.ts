import type { Codec, CodecLimits } from './codec.js';

/** A message as a receiver gets it. */
export interface Message<T = unknown> {
  body: T;
  /** Name of the sending process, as established when it joined: never what the payload claims. */
  from: string;
  /** Positive 31-bit integer, if the sender gave one. */
  type?: number;
  /** 0 (lowest, default) to 31. */
  priority: number;
  /** Wall-clock milliseconds since the epoch at the sender's `send`. For people: clocks jump. */
  sentAt: number;
}

/** A message between encoding and decoding. Immutable once made; `body` belongs to it. */
export interface Envelope {
  readonly body: Uint8Array;
  /** How `body` is encoded: `CodecId`. */
  readonly codec: number;
  readonly from: string;
  /** 0 when the sender gave none. */
  readonly type: number;
  readonly priority: number;
  readonly sentAt: number;
  /** Bytes of the body, where each look at `body` makes a view. */
  readonly length?: number;
  /** Decodes the body where it lies, and checks it where nobody has. Absent: `body` is at hand. */
  decodedBy?(codec: Codec, limits: CodecLimits): unknown;
}

/** Bytes of a message's body. */
export function lengthOf(envelope: Envelope): number {
  return envelope.length ?? envelope.body.length;
}

/** What a receive asks for; `null` in its place means anything. Both present: both must match. */
export interface Selector {
  readonly types: readonly number[] | null;
  readonly from: string | null;
}

export function matches(selector: Selector | null, envelope: Pick<Envelope, 'from' | 'type'>): boolean {
  if (selector === null) return true;
  if (selector.from !== null && selector.from !== envelope.from) return false;
  return selector.types === null || selector.types.includes(envelope.type);
}

export const MAX_TYPE = 2 ** 31 - 1;
/** Types that one receive may select by: a host compares each message with all of them. */
export const MAX_SELECTED_TYPES = 4096;
export const MAX_PRIORITY = 31;
