import type { Body, Load } from './load.js';

/** What a producer did. */
export interface Sent {
  readonly count: number;
  readonly checksum: number;
}

/** Fewer than this give no rate. */
const LEAST = 4;

/**
 * A producer's supply of messages: it ends by the clock, counts what it handed out, and keeps the checksum
 * that the consumers must arrive at. The clock starts at the first `more()`.
 */
export class Source implements Sent {
  count = 0;
  checksum = 0;
  private deadline = 0;
  private open = true;

  /**
   * @param milliseconds how long to supply
   * @param onWarm called once, `warmup` milliseconds after the start
   */
  constructor(
    private readonly load: Load,
    private readonly producer: number,
    private readonly milliseconds: number,
    private readonly warmup = 0,
    private onWarm: (() => void) | undefined = undefined,
  ) {}

  /** Whether there is another message. Looks at the clock every so many messages only (`Load.stride`). */
  more(): boolean {
    if (this.count % this.load.stride === 0) this.lookAtClock();
    return this.open;
  }

  /** The next message in sequence. */
  next(): Body {
    const body = this.load.make(this.count, this.producer);
    this.count += 1;
    this.checksum = (this.checksum + this.load.digest(body)) | 0;
    return body;
  }

  /** The next message in sequence, written there. */
  write(into: Uint8Array): void {
    if (this.load.write === undefined) throw new Error(`messages of ${this.load.name} are not bytes`);
    this.load.write(into, this.count, this.producer);
    this.count += 1;
    this.checksum = (this.checksum + this.load.digest(into)) | 0;
  }

  /** The next messages in sequence; fewer than `size` never come, so a batch may end shortly after the time. */
  batch(size: number): Body[] {
    const bodies: Body[] = [];
    for (let taken = 0; taken < size; taken += 1) bodies.push(this.next());
    if (this.count % this.load.stride !== 0) this.lookAtClock();
    return bodies;
  }

  private lookAtClock(): void {
    const now = performance.now();
    if (this.deadline === 0) this.deadline = now + this.milliseconds;
    if (this.onWarm !== undefined && now >= this.deadline - this.milliseconds + this.warmup) {
      this.onWarm();
      this.onWarm = undefined;
    }
    this.open = now < this.deadline || this.count < LEAST;
  }
}
