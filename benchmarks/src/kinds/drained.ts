import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds between two looks, and without a message after which the missing ones are lost. */
const LOOK = 5;
const PATIENCE = 4_000;

/** Resolves when `count` has reached `total`; rejects when for a while no more have come. */
export async function drained(total: number, count: () => number | Promise<number>): Promise<void> {
  let seen = -1;
  let since = performance.now();
  for (;;) {
    const current = await count();
    if (current >= total) return;
    const now = performance.now();
    if (current !== seen) since = now;
    else if (now - since > PATIENCE)
      throw new Error(`sent ${total} messages, received ${current} and no more`);
    seen = current;
    await pause(LOOK);
  }
}
