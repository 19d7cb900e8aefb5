import type { Buffer } from 'node:buffer';
import { MAX_AHEAD, MAX_RANGES, type Range } from './packet.js';

/** How long an acknowledgement may wait for something to ride on (milliseconds). */
const PATIENCE = 5;

/** The receiving half of a connection: puts segments in order, says what has come. */
export class Receiving {
  /** The next segment in order. */
  next = 0;
  /** The highest transmission that has come. */
  echo = 0;
  /** The other side's last segment has come, and all before it. */
  finished = false;
  /** When an acknowledgement must leave. */
  deadline = Infinity;
  /** More than one datagram waits to be acknowledged, or there is a gap: the end of this turn will do. */
  urgent = false;
  private readonly early = new Map<number, { payload: Buffer; fin: boolean }>();
  private earlyBytes = 0;
  private listed: readonly Range[] | null = [];

  /** A datagram that asks for an acknowledgement. `bare`: for nothing else. */
  elicited(tx: number, bare: boolean, now: number): void {
    if (tx > this.echo) this.echo = tx;
    this.urgent = bare || this.deadline !== Infinity || this.early.size > 0;
    this.deadline = Math.min(this.deadline, now + PATIENCE);
  }

  /**
   * Takes a segment; what is in order now is returned. Segments before their turn are kept up to `room` bytes: a sender that keeps
   * to its window never needs more, and another must send them again.
   */
  segment(seq: number, payload: Buffer, fin: boolean, room: number): Buffer[] {
    if (seq !== this.next || this.finished) {
      // The other side has to know at once: it may have sent something in vain.
      this.urgent = true;
      if (seq > this.next && !this.finished) this.keep(seq, payload, fin, room);
      return [];
    }
    const chunks = [this.advance(payload, fin)];
    for (let kept = this.early.get(this.next); kept !== undefined; kept = this.early.get(this.next)) {
      this.early.delete(this.next);
      this.earlyBytes -= kept.payload.length;
      this.listed = null;
      chunks.push(this.advance(kept.payload, kept.fin));
    }
    return chunks;
  }

  /** What has come out of order. */
  ranges(): readonly Range[] {
    this.listed ??= this.list();
    return this.listed;
  }

  /** An acknowledgement leaves. */
  acknowledged(): void {
    this.deadline = Infinity;
    this.urgent = false;
  }

  private keep(seq: number, payload: Buffer, fin: boolean, room: number): void {
    if (this.early.has(seq) || seq - this.next >= MAX_AHEAD || this.earlyBytes + payload.length > room)
      return;
    this.early.set(seq, { payload, fin });
    this.earlyBytes += payload.length;
    this.listed = null;
  }

  private advance(payload: Buffer, fin: boolean): Buffer {
    this.next++;
    if (fin) {
      this.finished = true;
      this.early.clear();
      this.listed = [];
    }
    return payload;
  }

  private list(): Range[] {
    const ranges: { from: number; to: number }[] = [];
    for (const seq of [...this.early.keys()].sort((a, b) => a - b)) {
      const last = ranges.at(-1);
      if (last !== undefined && last.to === seq) last.to++;
      else if (ranges.length === MAX_RANGES) break;
      else ranges.push({ from: seq, to: seq + 1 });
    }
    return ranges;
  }
}
