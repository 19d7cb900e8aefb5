import { Buffer } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';

/** So much of the time has to be spent waiting for a processor. */
const SHARE = 0.3;
/** Milliseconds that are looked at together: the scheduler may need some to find a free processor for who has begun to be busy. */
const SPAN = 10;
/** Or so many looks, if they were of short times. */
const LOOKS = 16;

const text = Buffer.alloc(64);

/**
 * Whether this thread, in the times that count, had to wait for a processor: then there are more who are busy than processors. The kernel counts
 * it: the second number of `schedstat` in proc(5), nanoseconds on a run queue. Where there is no such file, never.
 */
export class Crowding {
  /** Open from the beginning, so that the number of open descriptors does not depend on what comes. -1: there is none. */
  private descriptor = opened();
  private from = 0;
  private waited = 0;
  private spent = 0;
  private queued = 0;
  private looks = 0;

  /** The time counts from now on. */
  begin(now: number): void {
    this.from = now;
    this.waited = this.read();
  }

  /** Up to now the time counts. When a span of it is full, whether that was crowded; else undefined. */
  look(now: number): boolean | undefined {
    const waited = this.read();
    this.queued += waited - this.waited;
    this.spent += now - this.from;
    this.waited = waited;
    this.from = now;
    if (this.spent < SPAN && ++this.looks < LOOKS) return undefined;
    const crowded = this.queued > SHARE * this.spent;
    this.spent = this.queued = this.looks = 0;
    return crowded;
  }

  close(): void {
    if (this.descriptor >= 0) closeSync(this.descriptor);
    this.descriptor = -1;
  }

  /** Milliseconds so far. */
  private read(): number {
    if (this.descriptor < 0) return 0;
    try {
      const length = readSync(this.descriptor, text, 0, text.length, 0);
      return Number(text.toString('latin1', 0, length).split(' ')[1]) / 1e6;
    } catch {
      // Somebody has closed it, or it is none: it is not ours to close.
      this.descriptor = -1;
      return 0;
    }
  }
}

function opened(): number {
  try {
    return openSync('/proc/thread-self/schedstat', 'r');
  } catch {
    return -1;
  }
}
