/**
 * Opaque bytes.
 *
 * ```
 * 0   sequence modulo SPAN      u32, little-endian
 * 4   producer                  u8
 * 8   mark(sequence, 0)         u32; again at each multiple of 4096: mark(sequence, offset)
 * ```
 *
 * Each page of a big message has a mark, which the receiver reads: so all of it was carried, without every byte being written and
 * summed, which would measure that instead.
 */

import type { Load } from './load.js';
import { SPAN } from './span.js';

/** The least that holds the sequence, the producer and one mark. */
export const LEAST_BYTES = 12;
const PAGE = 4096;
const FIRST_MARK = 8;
/** Above this, one message takes much longer than a look at the clock. */
const BIG = 32_768;
const STRIDE = 32;

function mark(position: number, offset: number): number {
  return Math.imul(position + 1, 0x9e3779b1) ^ offset;
}

function get32(body: Uint8Array, at: number): number {
  const low = (body[at] as number) | ((body[at + 1] as number) << 8) | ((body[at + 2] as number) << 16);
  return low | ((body[at + 3] as number) << 24);
}

function put32(body: Uint8Array, at: number, value: number): void {
  body[at] = value;
  body[at + 1] = value >>> 8;
  body[at + 2] = value >>> 16;
  body[at + 3] = value >>> 24;
}

function fill(body: Uint8Array, sequence: number, producer: number): Uint8Array {
  const position = sequence % SPAN;
  put32(body, 0, position);
  put32(body, 4, producer);
  put32(body, FIRST_MARK, mark(position, 0));
  for (let offset = PAGE; offset + 4 <= body.length; offset += PAGE) {
    put32(body, offset, mark(position, offset));
  }
  return body;
}

/** Folds all marks; what it must be is known from the position. */
function digestOf(body: Uint8Array): number {
  let sum = get32(body, FIRST_MARK);
  for (let offset = PAGE; offset + 4 <= body.length; offset += PAGE) sum = (sum + get32(body, offset)) | 0;
  return sum;
}

/** Messages of that many bytes, at least 12. A change to one before it is sent changes its digest. */
export function bytes(size: number): Load {
  if (size < LEAST_BYTES)
    throw new RangeError(`a message of ${size} bytes cannot carry its marks: 12 at least`);
  const content = Buffer.alloc(size, 'written where it is sent from');
  return {
    name: `${size} B`,
    stride: size > BIG ? 1 : STRIDE,
    make: (sequence, producer) => fill(Buffer.allocUnsafe(size), sequence, producer),
    write: (into, sequence, producer) => {
      into.set(content);
      fill(into, sequence, producer);
    },
    producerOf: (body) => (body as Uint8Array)[4] as number,
    positionOf: (body) => get32(body as Uint8Array, 0),
    digest: (body) => digestOf(body as Uint8Array),
  };
}
