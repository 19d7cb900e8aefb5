import type { Alarm, Clock } from './clock.js';

/** Deadlines within so many milliseconds of one another fire together. */
const GRAIN = 8;

/** Something with a deadline: in at most one `Deadlines` at a time, itself the list node. */
export abstract class Due {
  /** @internal */
  bucket: Bucket | null = null;
  /** @internal */
  nextDue: Due | null = null;
  /** @internal */
  previousDue: Due | null = null;

  /** Its time has come; it is in no list any more. */
  abstract expire(): void;
}

class Bucket {
  first: Due | null = null;
  private controller: AbortController | null = null;

  constructor(readonly at: number) {}

  /** One for all that share the bucket: a controller for each would cost more than the call it is for. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    return this.controller.signal;
  }

  add(due: Due): void {
    due.bucket = this;
    due.nextDue = this.first;
    if (this.first !== null) this.first.previousDue = due;
    this.first = due;
  }

  remove(due: Due): void {
    if (due.previousDue === null) this.first = due.nextDue;
    else due.previousDue.nextDue = due.nextDue;
    if (due.nextDue !== null) due.nextDue.previousDue = due.previousDue;
    due.bucket = due.nextDue = due.previousDue = null;
  }

  abort(): void {
    this.controller?.abort();
  }
}

/**
 * Any number of deadlines behind one timer: adding and removing take constant time, whatever else is under way. A deadline fires
 * at its time or up to 8 ms later, never earlier. The timer keeps the process alive only while there is a deadline.
 */
export class Deadlines {
  private readonly buckets = new Map<number, Bucket>();
  private alarm: Alarm | null = null;
  private armedFor = Number.POSITIVE_INFINITY;
  private count = 0;

  constructor(private readonly clock: Clock) {}

  /** Deadlines that have not come. */
  get size(): number {
    return this.count;
  }

  /** `due.expire()` is called in `delay` milliseconds unless it is removed before. */
  add(due: Due, delay: number): void {
    const at = Math.ceil((this.clock.now() + delay) / GRAIN);
    let bucket = this.buckets.get(at);
    if (bucket === undefined) {
      bucket = new Bucket(at);
      this.buckets.set(at, bucket);
      if (at < this.armedFor) this.arm(at);
    }
    bucket.add(due);
    if (this.count++ === 0) this.alarm?.hold(true);
  }

  remove(due: Due): void {
    if (due.bucket === null) return;
    due.bucket.remove(due);
    if (--this.count === 0) this.alarm?.hold(false);
  }

  /** Aborted when the deadline fires, and shared with others that fire then. */
  signalOf(due: Due): AbortSignal | undefined {
    return due.bucket?.signal;
  }

  /** Drops the timer. What is still in here never fires. */
  close(): void {
    this.alarm?.cancel();
    this.alarm = null;
  }

  private arm(at: number): void {
    this.alarm?.cancel();
    this.armedFor = at;
    this.alarm = this.clock.after(Math.max(0, at * GRAIN - this.clock.now()), () => this.fire());
    if (this.count === 0) this.alarm.hold(false);
  }

  private fire(): void {
    this.alarm = null;
    this.armedFor = Number.POSITIVE_INFINITY;
    const now = this.clock.now();
    const ready: Bucket[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const bucket of this.buckets.values())
      if (bucket.at * GRAIN <= now) ready.push(bucket);
      else if (bucket.first === null) this.buckets.delete(bucket.at);
      else next = Math.min(next, bucket.at);
    for (const bucket of ready) this.buckets.delete(bucket.at);
    if (next !== Number.POSITIVE_INFINITY) this.arm(next);
    for (const bucket of ready.sort((a, b) => a.at - b.at)) this.expire(bucket);
  }

  private expire(bucket: Bucket): void {
    for (let due = bucket.first; due !== null; due = bucket.first) {
      this.remove(due);
      due.expire();
    }
    bucket.abort();
  }
}
