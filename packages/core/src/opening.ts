import { type Codec, CodecId, type CodecLimits, codecById } from './codec.js';
import { PigeonholeError, show } from './errors.js';
import { type Envelope, MAX_SELECTED_TYPES, MAX_TYPE, type Message, type Selector } from './message.js';
import { isType } from './sealing.js';

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

/** Whether the codec can decode bytes which lie where those of the next message will. One that cannot may receive another one while it decodes. */
export function checksAsItDecodes(codec: Codec): codec is Codec & Required<Pick<Codec, 'decodeChecked'>> {
  return codec.decodeChecked !== undefined;
}

/** Decodes a body, and checks it where nobody has yet. */
function bodyOf(envelope: Envelope, codec: Codec, limits: CodecLimits): unknown {
  if (envelope.decodedBy !== undefined) return envelope.decodedBy(codec, limits);
  // Of a built-in codec: it has been verified where it came in, or was encoded by this process.
  if (codec.id !== CodecId.custom) return codec.decode(envelope.body);
  return decodeUnverified(envelope.body, codec, limits);
}

/** Decodes bytes that nobody has checked, and that stay as they are. */
export function decodeUnverified(bytes: Uint8Array, codec: Codec, limits: CodecLimits): unknown {
  if (checksAsItDecodes(codec)) return codec.decodeChecked(bytes, limits);
  codec.verify(bytes, limits);
  return codec.decode(bytes);
}

/** What one of our own errors says; the text of others may be anything. */
function why(cause: unknown): string {
  return cause instanceof PigeonholeError ? `: ${cause.message}` : '';
}
