import { constants } from 'node:os';
import type { AddonPosixQueue } from './addon.js';
import { attempt, kernelError } from './kernel-error.js';
import { native } from './load.js';

const { EAGAIN } = constants.errno;
const READABLE = 1;
const WRITABLE = 2;
const nothing = new Uint8Array(0);

export interface PosixQueueOptions {
  /** Makes the queue, which must not be there yet, with these; else it is opened. */
  create?: { maxMessages: number; messageBytes: number };
  /** While `watch` asks for it: there is a message. */
  onMessage?: () => void;
  /** While `watch` asks for it: there is room for one. */
  onRoom?: () => void;
}

export interface QueueAttributes {
  readonly maxMessages: number;
  readonly messageBytes: number;
  /** Messages now. */
  readonly messages: number;
}

/** One POSIX message queue (mq_overview(7)), never waiting; its descriptor is polled by this thread's event loop. */
export class PosixQueue {
  private readonly queue: AddonPosixQueue;

  /**
   * `ERR_PEER_DOWN` when none has that name, `ERR_IN_USE` when one that is to be made is there, `ERR_PERMISSION` for another
   * user's. `errno` tells EMFILE (descriptors, or RLIMIT_MSGQUEUE) from EINVAL (more than the sysctls below fs.mqueue allow).
   */
  constructor(
    readonly name: string,
    { create, onMessage, onRoom }: PosixQueueOptions = {},
  ) {
    const addon = native();
    const report = (events: number): void => {
      if (events > 0 && (events & WRITABLE) !== 0) onRoom?.();
      if (events > 0 && (events & READABLE) !== 0) onMessage?.();
    };
    const { maxMessages = 0, messageBytes = 0 } = create ?? {};
    this.queue = attempt(
      `${create === undefined ? 'open' : 'make'} the message queue ${name}`,
      name,
      () => new addon.PosixQueue(name, maxMessages, messageBytes, report),
    );
  }

  /** Removes a name; the queue goes when all who have it open close it. Whether there was one. */
  static unlink(name: string): boolean {
    const addon = native();
    return attempt(`remove the message queue ${name}`, name, () => addon.unlinkPosixQueue(name));
  }

  attributes(): QueueAttributes {
    const [maxMessages, messageBytes, messages] = attempt(
      `ask for the attributes of ${this.name}`,
      this.name,
      () => this.queue.attributes(),
    );
    return { maxMessages, messageBytes, messages };
  }

  /** `header` and then `body` from `start` to `end` as one message. `false`: the queue is full. */
  send(
    header: Uint8Array,
    body: Uint8Array = nothing,
    start = 0,
    end = body.byteLength,
    priority = 0,
  ): boolean {
    const sent = this.queue.send(header, body, start, end, priority);
    if (sent < 0) throw kernelError(-sent, `send to ${this.name}`, this.name);
    return sent > 0;
  }

  /** Takes the first message into `scratch`, which has room for any; its length, or -1 when there is none. */
  receive(scratch: Uint8Array): number {
    const count = this.queue.receive(scratch);
    if (count >= 0) return count;
    if (count === -EAGAIN) return -1;
    throw kernelError(-count, `receive from ${this.name}`, this.name);
  }

  /** Of the message that was received last. */
  get priority(): number {
    return this.queue.priority();
  }

  /** What to be called for, again and again while it holds. Nothing is polled for neither. */
  watch({ message, room }: { message: boolean; room: boolean }): void {
    this.queue.watch((message ? READABLE : 0) | (room ? WRITABLE : 0));
  }

  /** Watching keeps the process running. It does not before. */
  ref(): void {
    this.queue.ref();
  }

  unref(): void {
    this.queue.unref();
  }

  /** Closes the descriptor; the queue stays. Idempotent. */
  close(): void {
    this.queue.close();
  }
}
