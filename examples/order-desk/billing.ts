import { setTimeout as later } from 'node:timers/promises';
import { defineActor } from '@pigeonhole/core';
import type { Order, Receipt } from './messages.js';

const PRICE = 10;

export interface Misfortune {
  /** Shares of the charges that throw, and that end the whole process with SIGKILL. */
  readonly crash: number;
  readonly kill: number;
  readonly seed: number;
}

/** The service that fails: some charges throw, and its process is killed now and then. */
export const billing = defineActor('billing', {
  module: import.meta.url,
  state: (misfortune: Misfortune) => ({ misfortune, charged: 0 }),
  handlers: {
    async charge({ state }, { id, quantity }: Order): Promise<Receipt> {
      const { crash, kill, seed } = state.misfortune;
      await later(1); // the bank
      const luck = chance(seed, id);
      if (luck < kill) process.kill(process.pid, 'SIGKILL');
      if (luck < kill + crash) throw new Error(`the bank hung up on order ${id}`);
      state.charged += 1;
      return { order: id, amount: quantity * PRICE };
    },
  },
  supervision: { strategy: 'restart', backoff: { initial: 5, max: 50 }, maxRestarts: 1000, within: 60_000 },
});

/** The same for the same order in every run: 0 ≤ x < 1. */
function chance(seed: number, id: number): number {
  let mixed = Math.imul(seed ^ id, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
  return ((mixed ^ (mixed >>> 13)) >>> 0) / 2 ** 32;
}
