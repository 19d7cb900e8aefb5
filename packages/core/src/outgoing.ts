import { Buffer } from 'node:buffer';
import { markAsUntransferable } from 'node:worker_threads';
import { codecById } from './codec.js';
import type { Envelope } from './message.js';
import { asBytes, type Marks, type Sealing, type Sound, seal } from './sealing.js';
import type { SendAtOnce } from './transport.js';

/** Where bodies are put one behind the other. */
type Outgoing = Pick<SendAtOnce, 'outgoing' | 'lengths' | 'sendBytes'>;

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
