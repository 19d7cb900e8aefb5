/** Waiting for a condition, under a watchdog that says what it waited for. A slow machine makes it slow, never wrong. */
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';

const LIMIT = 45_000;

const hung = (what: string): Error => new Error(`waited ${LIMIT} ms for ${what}`);

export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(hung(what)), LIMIT);
  });
  return Promise.race([promise, expiry]).finally(() => clearTimeout(timer));
}

/** The first truthy value of `condition`, asked again each turn at first and every few milliseconds later. */
export async function until<T>(condition: () => T | Promise<T>, what: string): Promise<NonNullable<T>> {
  const end = performance.now() + LIMIT;
  for (let round = 0; performance.now() < end; round++) {
    const value = await within(Promise.resolve(condition()), what);
    if (value) return value;
    await (round < 20 ? nextTurn() : pause(5));
  }
  throw hung(what);
}
