/** What cases carry: the order object, or bytes; and how one message is told from another at the far end. */

import { bytes } from './bytes.js';
import { type Order, orders } from './order.js';

/** One message's content. */
export type Body = Order | Uint8Array;

/** A kind of content. Every message is told by its place in its producer's sequence, counted modulo `SPAN`. */
export interface Load {
  readonly name: string;
  /** How many messages pass between two looks at the clock: one where a message takes as long as many looks. */
  readonly stride: number;
  /** The message with this sequence number. New each time, as a service would build it. */
  make(sequence: number, producer: number): Body;
  /** The same, into memory that is there: every byte of it is written. Absent where a message is not bytes. */
  write?(into: Uint8Array, sequence: number, producer: number): void;
  /** The number of the producer that made it. */
  producerOf(body: Body): number;
  /** Its sequence number modulo `SPAN`. */
  positionOf(body: Body): number;
  /** 32 bits that depend on the content. */
  digest(body: Body): number;
}

/** Which one: `order`, or so many bytes. */
export type LoadName = 'order' | number;

/** The load of that name. */
export function loadNamed(name: LoadName): Load {
  return name === 'order' ? orders : bytes(name);
}

/** `64 B`, `64 KiB`, `1 MiB`. */
export function sizeText(size: number): string {
  if (size >= 2 ** 20) return `${size / 2 ** 20} MiB`;
  return size >= 2 ** 10 ? `${size / 2 ** 10} KiB` : `${size} B`;
}
