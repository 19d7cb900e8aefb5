import { PigeonholeError } from '../errors.js';
import type { Message } from '../message.js';
import type { ReceiveOptions, Receiver } from '../receiver.js';
import type { Overflow } from './topic.js';

interface Waiting<T> {
  resolve(result: IteratorResult<Message<T>, undefined>): void;
}

/** One subscriber's messages, in a mailbox of its own: `for await (const { body, from } of subscription)`. */
export class Subscription<T = unknown> implements AsyncIterable<Message<T>> {
  private readonly receiver: Receiver<T>;
  /** With `drop-oldest`, messages move in here as they come, and the oldest makes room. */
  private readonly ring: Message<T>[] = [];
  private readonly waiting: Waiting<T>[] = [];
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

  /** The next message. Rejects with `ERR_CLOSED` when it is closed, and as `receive` does. */
  async receive(options: ReceiveOptions = {}): Promise<Message<T>> {
    if (this.policy.overflow !== 'drop-oldest') return this.receiver.receive(options);
    const { done, value } = await this.next();
    if (done) throw new PigeonholeError('ERR_CLOSED', 'this subscription is closed');
    return value;
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

  private next(): Promise<IteratorResult<Message<T>, undefined>> {
    return new Promise((resolve) => {
      this.waiting.push({ resolve });
      this.serve();
    });
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
    while (this.waiting.length > 0) {
      const message = this.ring.shift();
      if (message !== undefined) this.waiting.shift()?.resolve({ done: false, value: message });
      else if (this.closing !== null) this.waiting.shift()?.resolve({ done: true, value: undefined });
      else return;
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
    queueMicrotask(() => this.serve());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
