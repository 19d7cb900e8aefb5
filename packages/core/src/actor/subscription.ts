import { PigeonholeError } from '../errors.js';
import { type Message, matches, type Selector } from '../message.js';
import { selectorOf } from '../opening.js';
import { Pending } from '../pending.js';
import type { ReceiveOptions, Receiver } from '../receiver.js';
import { Operation, OperationList } from '../waiting.js';
import type { Overflow } from './topic.js';

const OPTIONS = ['timeout', 'signal', 'type', 'from'];

/** A receive from what a subscription with `drop-oldest` has kept. */
class Take<T> extends Operation<Message<T>> {
  constructor(readonly selector: Selector | null) {
    super();
  }

  give(message: Message<T>): void {
    this.settle(message);
  }
}

/** One subscriber's messages, in a mailbox of its own: `for await (const { body, from } of subscription)`. */
export class Subscription<T = unknown> implements AsyncIterable<Message<T>> {
  private readonly receiver: Receiver<T>;
  /** With `drop-oldest`, messages move in here as they come, and the oldest makes room. */
  private readonly ring: Message<T>[] = [];
  private readonly waiting = new OperationList<Take<T>>();
  private readonly pending = new Pending(
    'this subscription',
    OPTIONS,
    () => new PigeonholeError('ERR_CLOSED', 'this subscription is closed'),
  );
  private droppedCount = 0;
  private closing: Promise<void> | null = null;

  /** @internal use `runtime.subscribe()` */
  constructor(
    receiver: Receiver<unknown>,
    private readonly policy: { readonly capacity: number; readonly overflow: Overflow },
    private readonly unsubscribe: () => void,
  ) {
    this.receiver = receiver as Receiver<T>;
    if (policy.overflow === 'drop-oldest') void this.pump();
  }

  /** Messages that this side dropped: with `drop-oldest`. What a publisher dropped, its `publish` says. */
  get dropped(): number {
    return this.droppedCount;
  }

  /** The next message, or the next that matches. Rejects with `ERR_CLOSED` when it is closed, and as `Receiver.receive` does. */
  async receive(options: ReceiveOptions = {}): Promise<Message<T>> {
    return this.policy.overflow === 'drop-oldest' ? this.take(options) : this.receiver.receive(options);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Message<T>> {
    if (this.policy.overflow !== 'drop-oldest') return this.receiver[Symbol.asyncIterator]();
    return {
      next: () => this.next(),
      return: () => Promise.resolve({ done: true, value: undefined }),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  private async next(): Promise<IteratorResult<Message<T>, undefined>> {
    try {
      return { done: false, value: await this.take({}) };
    } catch (error) {
      if (this.closing === null) throw error;
      return { done: true, value: undefined };
    }
  }

  private take(options: ReceiveOptions): Promise<Message<T>> {
    this.pending.check(options);
    const operation = new Take<T>(selectorOf(options, null));
    this.waiting.push(operation);
    this.serve();
    return this.pending.outcome(operation, options, 'receive from', () => operation.withdrawn());
  }

  private async pump(): Promise<void> {
    for await (const message of this.receiver) {
      this.ring.push(message);
      this.serve();
      if (this.ring.length > this.policy.capacity) {
        this.ring.shift();
        this.droppedCount++;
      }
    }
  }

  private serve(): void {
    for (let taking = this.waiting.first; taking !== null && this.ring.length > 0; ) {
      const { next, selector } = taking;
      const found = this.ring.findIndex(({ from, type = 0 }) => matches(selector, { from, type }));
      if (found >= 0) taking.give(this.ring.splice(found, 1)[0] as Message<T>);
      taking = next as Take<T> | null;
    }
  }

  /** Ends the subscription and its loops; what lies there is dropped. Closing twice is fine. */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    this.unsubscribe();
    this.ring.length = 0;
    await this.receiver.close();
    await this.pending.close((operation) => operation.withdrawn());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
