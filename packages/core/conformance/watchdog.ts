/**
 * Waiting in tests. Nothing here waits for time to pass: it waits for a condition, and a watchdog ends a wait that would
 * never end, saying what it waited for. A slow machine makes a test slow, never wrong.
 */
import { setTimeout as later, setImmediate as nextTurn } from 'node:timers/promises';

/** A wait that the watchdog ended. */
export class WatchdogError extends Error {
  override readonly name = 'WatchdogError';
}

export class Watchdog {
  /** @param limit milliseconds after which a wait counts as hung: far more than a machine with other work needs. */
  constructor(readonly limit = 45_000) {}

  /** Settles as `promise` does; rejects with `WatchdogError` naming `what` once the limit is over. */
  async within<T>(promise: Promise<T>, what: string, limit = this.limit): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const expiry = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.expired(what, limit)), limit);
    });
    try {
      return await Promise.race([promise, expiry]);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Resolves with the first truthy value of `condition`, asked again each turn at first and every few milliseconds later. With
   * `progress`, only the time in which that stays the same counts: for work that may take long.
   */
  async until<T>(
    condition: () => T | Promise<T>,
    what: string | (() => string),
    progress: () => number | Promise<number> = () => 0,
  ): Promise<Exclude<T, false | null | undefined | 0>> {
    const named = typeof what === 'string' ? () => what : what;
    let end = performance.now() + this.limit;
    for (let round = 0, last = -1; ; round++) {
      const value = await this.within(Promise.resolve(condition()), named());
      if (value) return value as Exclude<T, false | null | undefined | 0>;
      const now = await this.within(Promise.resolve(progress()), `the progress of ${named()}`);
      if (now !== last) end = performance.now() + this.limit;
      if (performance.now() > end) throw this.expired(named());
      last = now;
      await (round < 20 ? nextTurn() : later(3));
    }
  }

  /** As `within`, for what may take long but makes progress. */
  async finished<T>(promise: Promise<T>, what: string, progress: () => Promise<number>): Promise<T> {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    promise.then(mark, mark);
    await this.until(() => settled, what, progress);
    return promise;
  }

  private expired(what: string, limit = this.limit): WatchdogError {
    return new WatchdogError(`waited ${limit} ms for ${what}`);
  }
}

/** Whether `promise` has settled by now, given one turn to do so. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const mark = () => {
    settled = true;
  };
  promise.then(mark, mark);
  await nextTurn();
  return settled;
}

/** A small seeded generator (mulberry32): the same seed gives the same test. */
export class Random {
  constructor(private state: number) {}

  /** 0 ≤ x < 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** An integer from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)] as T;
  }
}
