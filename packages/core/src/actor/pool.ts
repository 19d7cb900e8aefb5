/**
 * How a keyed pool divides its messages. Every request carries one of 256 slots as the type of its message, drawn from its key; each
 * instance selects the types that are its own. So a sender need not know how many instances there are.
 */
import { SLOTS } from './define.js';

/** The message type of a request: of its key if it has one, else of its turn. */
export function slotOf(key: string | undefined, turn: number): number {
  return 1 + (key === undefined ? turn % SLOTS : hash(key) % SLOTS);
}

/** The message types that instance `index` of `count` takes. */
export function slotsOf(index: number, count: number): number[] {
  const slots: number[] = [];
  for (let slot = index; slot < SLOTS; slot += count) slots.push(1 + slot);
  return slots;
}

/** Part `index` of a pool that is spread over `of` processes or threads. */
export interface Share {
  readonly index: number;
  readonly of: number;
}

/** The instances of an actor, and which of them are served here. */
export interface Pool {
  readonly count: number;
  readonly here: readonly number[];
}

export function poolOf(count: number, { index, of }: Share): Pool {
  const all = Array.from({ length: count }, (_, instance) => instance);
  return { count, here: all.filter((instance) => instance % of === index) };
}

/** FNV-1a over the UTF-16 units (http://www.isthe.com/chongo/tech/comp/fnv/). */
function hash(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash ^= text.charCodeAt(at);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}
