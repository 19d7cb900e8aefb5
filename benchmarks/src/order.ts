/**
 * The message every case carries, and the proof that it arrived.
 *
 * The sequence lives in `id`, which stays within five digits (three MessagePack bytes), so that message number ten
 * and message number ten million have the same size: 107 bytes in plain MessagePack.
 */

/** One ordered article. */
export interface OrderItem {
  sku: string;
  qty: number;
  price: number;
}

/** The order object of the performance notes. */
export interface Order {
  id: number;
  type: string;
  customer: string;
  items: OrderItem[];
  total: number;
  ts: number;
}

const ID_BASE = 10_000;
const ID_SPAN = 50_000;
const TIME_BASE = 1_700_000_000_000;
/** How many messages pass between two looks at the clock. */
const CLOCK_STRIDE = 32;
/** Milliseconds without a message after which the missing ones are lost. */
const PATIENCE = 4_000;

/** The order with this sequence number. A new object each time, as a service would build it. */
export function makeOrder(sequence: number): Order {
  return {
    id: ID_BASE + (sequence % ID_SPAN),
    type: 'order.created',
    customer: 'c-991',
    items: [{ sku: 'A1', qty: 1 + (sequence & 7), price: 9.99 }],
    total: 19.98,
    ts: TIME_BASE + (sequence % 1000),
  };
}

/** Folds one order into a running 32-bit checksum; depends on order and on content. */
export function foldOrder(checksum: number, order: Order): number {
  const quantity = order.items[0]?.qty ?? 0;
  return (Math.imul(checksum, 31) + order.id + quantity * 7 + (order.ts - TIME_BASE)) | 0;
}

/**
 * The producer's supply of orders: it ends by the clock, counts what it handed out, and keeps the checksum
 * that the consumer must arrive at. The clock starts at the first `more()`.
 */
export class OrderSource {
  count = 0;
  checksum = 0;
  private deadline = 0;
  private open = true;

  /**
   * @param milliseconds how long to supply
   * @param onWarm called once, `warmup` milliseconds after the start
   */
  constructor(
    private readonly milliseconds: number,
    private readonly warmup = 0,
    private onWarm: (() => void) | undefined = undefined,
  ) {}

  /** Whether there is another order. Looks at the clock every 32nd message only. */
  more(): boolean {
    if (this.count % CLOCK_STRIDE === 0) this.lookAtClock();
    return this.open;
  }

  /** The next order in sequence. */
  next(): Order {
    const order = makeOrder(this.count);
    this.count += 1;
    this.checksum = foldOrder(this.checksum, order);
    return order;
  }

  /** The next orders in sequence; fewer than `size` never come, so a batch may end shortly after the time. */
  batch(size: number): Order[] {
    const orders: Order[] = [];
    for (let taken = 0; taken < size; taken += 1) orders.push(this.next());
    if (this.count % CLOCK_STRIDE !== 0) this.lookAtClock();
    return orders;
  }

  private lookAtClock(): void {
    const now = performance.now();
    if (this.deadline === 0) this.deadline = now + this.milliseconds;
    if (this.onWarm !== undefined && now >= this.deadline - this.milliseconds + this.warmup) {
      this.onWarm();
      this.onWarm = undefined;
    }
    this.open = now < this.deadline;
  }
}

/** The consumer's check: counts, verifies the sequence, and knows the rate after the warm-up. */
export class OrderSink {
  count = 0;
  checksum = 0;
  /** The first violation of the sequence, if any. */
  fault: string | undefined;
  private expected = Number.POSITIVE_INFINITY;
  private settle: ((lost?: Error) => void) | undefined;
  private startTime = 0;
  private startCount = -1;
  private lastTime = 0;
  private lastCount = 0;

  /** @param onWarm called once, when the measured window opens */
  constructor(
    private readonly warmup: number,
    private readonly onWarm: () => void,
  ) {}

  /** Takes one received order. Bound, so that it can be handed over as a plain function. */
  readonly take = (order: Order): void => {
    if (order.id !== ID_BASE + (this.count % ID_SPAN)) {
      this.fault ??= `message ${this.count}: expected id ${ID_BASE + (this.count % ID_SPAN)}, received ${order.id}`;
    }
    this.checksum = foldOrder(this.checksum, order);
    if (this.count % CLOCK_STRIDE === 0) this.lookAtClock();
    this.count += 1;
    if (this.count >= this.expected) this.settle?.();
  };

  /** Resolves when `total` messages have been taken; rejects when for a while no more have come. */
  async until(total: number): Promise<void> {
    this.expected = total;
    if (this.count >= total) return;
    await new Promise<void>((resolve, reject) => {
      let seen = -1;
      const timer = setInterval(() => {
        if (seen === this.count)
          this.settle?.(new Error(`sent ${total} messages, received ${this.count} and no more`));
        seen = this.count;
      }, PATIENCE);
      this.settle = (lost) => {
        clearInterval(timer);
        if (lost === undefined) resolve();
        else reject(lost);
      };
    });
  }

  /** Messages in the measured window, and its length in seconds. */
  window(): { messages: number; seconds: number } {
    if (this.startCount < 0) return { messages: 0, seconds: 0 };
    return { messages: this.lastCount - this.startCount, seconds: (this.lastTime - this.startTime) / 1000 };
  }

  private lookAtClock(): void {
    const now = performance.now();
    if (this.count === 0) this.startTime = now + this.warmup;
    if (this.startCount < 0 && now >= this.startTime) {
      this.startTime = now;
      this.startCount = this.count;
      this.onWarm();
    }
    this.lastTime = now;
    this.lastCount = this.count;
  }
}
