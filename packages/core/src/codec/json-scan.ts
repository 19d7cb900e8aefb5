import type { CodecLimits } from '../codec.js';
import { PigeonholeError } from '../errors.js';
import { depthLimit } from './limits.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What a byte outside strings means for the count. Everything else belongs to a number or a word. */
const Role = { scalar: 0, between: 1, open: 2, close: 3, quote: 4 } as const;
const roles = new Uint8Array(256);
for (const char of ' \t\n\r,:') roles[char.charCodeAt(0)] = Role.between;
for (const char of '[{') roles[char.charCodeAt(0)] = Role.open;
for (const char of ']}') roles[char.charCodeAt(0)] = Role.close;
roles[QUOTE] = Role.quote;

/**
 * Bounds what parsing the bytes as JSON would build: size, nesting, values and keys. Linear, and allocates nothing.
 * Says nothing on the grammar, so that bytes that are not JSON may pass. Throws `ERR_FRAME`.
 */
export function scanJson(bytes: Uint8Array, limits: CodecLimits): void {
  const { maxMessageBytes, maxNodes } = limits;
  const maxDepth = depthLimit(limits);
  const end = bytes.length;
  if (end > maxMessageBytes) throw broken(0, `${end} bytes exceed maxMessageBytes (${maxMessageBytes})`);
  let depth = 0;
  let nodes = 0;
  let at = 0;
  while (at < end) {
    const role = roles[bytes[at] as number];
    if (role === Role.between) {
      at++;
      continue;
    }
    if (role === Role.close) {
      depth--;
      at++;
      continue;
    }
    if (++nodes > maxNodes) throw broken(at, `more than maxNodes (${maxNodes}) values`);
    if (role === Role.open) {
      if (++depth > maxDepth) throw broken(at, `nested deeper than maxDepth (${maxDepth})`);
      at++;
    } else if (role === Role.quote) {
      at = afterString(bytes, at + 1);
    } else {
      while (at < end && roles[bytes[at] as number] === Role.scalar) at++;
    }
  }
}

function afterString(bytes: Uint8Array, start: number): number {
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at++;
  }
  throw broken(bytes.length, 'a string does not end');
}

function broken(offset: number, reason: string): PigeonholeError {
  return new PigeonholeError('ERR_FRAME', `Not a JSON body: ${reason}, at byte ${offset}.`);
}
