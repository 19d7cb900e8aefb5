import { now } from '../clock.js';
import type { Body, Load } from './load.js';
import { SPAN } from './span.js';

/**
 * More messages than are ever under way: who shares the work receives none that is so far behind. It may be as far ahead as it likes, for the others
 * may have had a long turn of the processor.
 */
const MOST_UNDER_WAY = 10_000;

/** What one consumer took. Times are of the machine's clock, in milliseconds. */
export interface Taken {
  readonly count: number;
  readonly checksum: number;
  /** The first violation of the order, if any. */
  readonly fault?: string;
  /**
   * The window from the end of the warm-up to the last look at the clock, and the messages in it. From the first message where all had come
   * before the warm-up ended: a few long ones on a busy machine.
   */
  readonly windowStart: number;
  readonly windowEnd: number;
  readonly windowCount: number;
}

/**
 * A consumer's check: counts, verifies the order of each producer's messages, and knows the rate after the warm-up. One that has
 * all messages checks that none is missing; one that shares them with others, that each comes after the one before.
 */
export class Sink {
  count = 0;
  private checksum = 0;
  private fault: string | undefined;
  private readonly expected: number[] = [];
  private firstTime = 0;
  private startTime = 0;
  private startCount = -1;
  private lastTime = 0;
  private lastCount = 0;

  /** @param onWarm called once, when the measured window opens */
  constructor(
    private readonly load: Load,
    private readonly warmup: number,
    private readonly shared = false,
    private readonly onWarm: () => void = () => undefined,
  ) {}

  /** Takes one received message. Bound, so that it can be handed over as a plain function. */
  readonly take = (body: Body): void => {
    const { load } = this;
    const producer = load.producerOf(body);
    const position = load.positionOf(body);
    const expected = this.expected[producer] ?? 0;
    if (position !== expected) this.checkOrder(producer, position, expected);
    this.expected[producer] = position + 1 === SPAN ? 0 : position + 1;
    this.checksum = (this.checksum + load.digest(body)) | 0;
    if (this.count % load.stride === 0) this.lookAtClock();
    this.count += 1;
  };

  /** What was taken so far. */
  taken(): Taken {
    const { count, checksum, fault } = this;
    const opened = this.startCount >= 0 && this.lastCount > this.startCount;
    return {
      count,
      checksum,
      ...(fault === undefined ? {} : { fault }),
      windowStart: opened ? this.startTime : this.firstTime,
      windowEnd: this.lastTime,
      windowCount: opened ? this.lastCount - this.startCount : this.lastCount,
    };
  }

  private checkOrder(producer: number, position: number, expected: number): void {
    const behind = (expected - position + SPAN) % SPAN;
    if (this.shared && (behind === 0 || behind > MOST_UNDER_WAY)) return;
    this.fault ??= `message ${this.count}: expected number ${expected} of producer ${producer}, received ${position}`;
  }

  private lookAtClock(): void {
    const time = now();
    if (this.count === 0) {
      this.firstTime = time;
      this.startTime = time + this.warmup;
    }
    if (this.startCount < 0 && time >= this.startTime) {
      this.startTime = time;
      this.startCount = this.count;
      this.onWarm();
    }
    this.lastTime = time;
    this.lastCount = this.count;
  }
}
