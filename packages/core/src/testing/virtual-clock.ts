import { setImmediate as turn } from 'node:timers/promises';
import type { Alarm, Clock } from '../actor/clock.js';

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Turns of the event loop after each alarm, so that what it set in motion comes to rest before the next. */
const SETTLING_TURNS = 8;

/**
 * Time that passes when a test says so. It drives what actors do with time: timeouts of asks, back-offs, timers. The `timeout` of
 * plain `send` and `receive` stays on the real clock.
 */
export class VirtualClock implements Clock {
  private readonly entries = new Set<Entry>();
  private readonly began = Date.now();
  private time = 0;
  private order = 0;

  /** Milliseconds since the clock was made. */
  now(): number {
    return this.time;
  }

  wall(): number {
    return this.began + this.time;
  }

  after(delay: number, callback: () => void): Alarm {
    const entry: Entry = { at: this.time + Math.max(0, delay), order: this.order++, callback };
    this.entries.add(entry);
    return { cancel: () => void this.entries.delete(entry), hold: () => {} };
  }

  /**
   * Lets so many milliseconds pass: every alarm goes off at its time, in order, and what it sets in motion runs before the next.
   * Resolves when all that is done.
   */
  async advance(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds;
    await this.settle();
    for (let next = this.next(end); next !== undefined; next = this.next(end)) {
      this.entries.delete(next);
      this.time = Math.max(this.time, next.at);
      next.callback();
      await this.settle();
    }
    this.time = end;
  }

  /** Alarms that have not gone off. */
  get pending(): number {
    return this.entries.size;
  }

  private next(end: number): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of this.entries)
      if (
        entry.at <= end &&
        (first === undefined || entry.at < first.at || (entry.at === first.at && entry.order < first.order))
      )
        first = entry;
    return first;
  }

  private async settle(): Promise<void> {
    for (let round = 0; round < SETTLING_TURNS; round++) await turn();
  }
}
