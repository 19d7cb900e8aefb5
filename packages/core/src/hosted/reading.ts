/** Reads what frames carry, checking every length and value before use. Everything here throws `ERR_FRAME`. */
import type { Buffer } from 'node:buffer';
import { type Capacity, isCapacity, type Ordering } from '../address.js';
import { CodecId, type CodecLimits, codecById } from '../codec.js';
import { PigeonholeError, show } from '../errors.js';
import type { Frame } from '../frame-parser.js';
import { parseJson } from '../framing.js';
import { type Envelope, MAX_PRIORITY, MAX_SELECTED_TYPES, MAX_TYPE, type Selector } from '../message.js';
import { isName } from '../naming.js';
import type { MailboxSpec } from '../transport.js';
import { Framed } from './framed.js';

/** The message of a frame whose rest begins with type and sentAt. */
export function envelope(frame: Frame, from: string, bodyAt: number, limits: CodecLimits): Envelope {
  const { a: codec, b: priority, bytes, view, start, end, own } = frame;
  if (end - start < bodyAt)
    throw new PigeonholeError(
      'ERR_FRAME',
      `a message frame has ${end - start} bytes after its header; it needs ${bodyAt}`,
    );
  const type = view.getUint32(start, true);
  if (type > MAX_TYPE)
    throw new PigeonholeError('ERR_FRAME', `a message has type ${type}; the most is ${MAX_TYPE}`);
  if (priority > MAX_PRIORITY)
    throw new PigeonholeError('ERR_FRAME', `a message has priority ${priority}; the most is ${MAX_PRIORITY}`);
  if (codec > CodecId.custom)
    throw new PigeonholeError('ERR_FRAME', `a message has codec ${codec}, which does not exist`);
  const sentAt = view.getFloat64(start + 4, true);
  if (!Number.isFinite(sentAt)) throw new PigeonholeError('ERR_FRAME', `a message has sentAt ${sentAt}`);
  const bodyStart = start + bodyAt;
  const message = new Framed(bytes, bodyStart, end, own, codec, from, type, priority, sentAt);
  const verifier = codecById(codec);
  if (verifier?.verifyRange !== undefined) verifier.verifyRange(bytes, limits, bodyStart, end);
  else verifier?.verify(message.body, limits);
  return message;
}

export function word({ view, start, end }: Frame, at: number): number {
  if (end - start < at + 4)
    throw new PigeonholeError(
      'ERR_FRAME',
      `a frame has ${end - start} bytes after its header; it needs ${at + 4}`,
    );
  return view.getUint32(start + at, true);
}

export function byte({ bytes, start, end }: Frame, at: number): number {
  if (end - start <= at)
    throw new PigeonholeError(
      'ERR_FRAME',
      `a frame has ${end - start} bytes after its header; it needs ${at + 1}`,
    );
  return bytes[start + at] as number;
}

export function name({ bytes, start, end }: Frame, at: number, length: number): string {
  const name = bytes.toString('latin1', start + at, Math.min(start + at + length, end));
  if (!isName(name))
    throw new PigeonholeError('ERR_FRAME', `a frame names ${show(name)}, which is not a name`);
  return name;
}

export function selector(bytes: Buffer): Selector | null {
  if (bytes.length === 0) return null;
  const { types, from } = parseJson(bytes);
  if (!(from === null || isName(from)))
    throw new PigeonholeError('ERR_FRAME', `a selector has from ${show(from)}`);
  if (!(types === null || (Array.isArray(types) && types.every(Number.isInteger))))
    throw new PigeonholeError('ERR_FRAME', `a selector has types ${show(types)}`);
  if (types !== null && types.length > MAX_SELECTED_TYPES)
    throw new PigeonholeError(
      'ERR_FRAME',
      `a selector has ${types.length} types; the most is ${MAX_SELECTED_TYPES}`,
    );
  return { types: types as number[] | null, from };
}

/** What an opened frame says that the mailbox is. */
export function openedAs({ capacity, ordering, adopted = 0 }: Record<string, unknown>): {
  capacity: Capacity;
  ordering: Ordering;
  adopted: number;
} {
  if (!Number.isSafeInteger(adopted) || (adopted as number) < 0)
    throw new PigeonholeError('ERR_FRAME', `a mailbox was opened with ${show(adopted)} messages adopted`);
  if (!isCapacity(capacity) || (ordering !== 'fifo' && ordering !== 'priority'))
    throw new PigeonholeError(
      'ERR_FRAME',
      `a mailbox was opened with capacity ${show(capacity)} and ordering ${show(ordering)}`,
    );
  return { capacity, ordering, adopted: adopted as number };
}

/** What an open frame asks for. Its values are only compared with the mailbox's own, so a nonsensical one is a mismatch. */
export function openedSpec({
  mailbox,
  capacity,
  ordering,
}: Record<string, unknown>): Omit<MailboxSpec, 'maxBytes'> {
  if (typeof mailbox !== 'string') throw new PigeonholeError('ERR_FRAME', 'an open frame names no mailbox');
  return {
    name: mailbox,
    capacity: capacity as Capacity | undefined,
    ordering: ordering as Ordering | undefined,
  };
}
