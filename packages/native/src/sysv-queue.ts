import { constants } from 'node:os';
import type { AddonSysvQueue } from './addon.js';
import { attempt, kernelError } from './kernel-error.js';
import { native } from './load.js';

const { ENOMSG } = constants.errno;
const nothing = new Uint8Array(0);

/** Where the bytes of a message stand in the scratch of `SysvQueue.receive`: behind its type. */
export const SYSV_TEXT = 8;

export interface SysvQueueEvents {
  /** Once after `awaitMessage`: there is, or was, one. */
  onMessage?: () => void;
  /** Once after `awaitRoom`. */
  onRoom?: () => void;
  /** Somebody has removed the queue. */
  onGone?: () => void;
}

export interface SysvStatus {
  readonly bytes: number;
  readonly messages: number;
  /** How many bytes it may hold (msg_qbytes). */
  readonly maxBytes: number;
  readonly key: number;
}

/**
 * One System V message queue (sysvipc(7)), never waiting in this thread. These queues have no descriptor, so one thread for all of an
 * environment waits for them, without taking messages; it is joined when the environment ends.
 */
export class SysvQueue {
  private readonly queue: AddonSysvQueue;

  /** `id` as `open` gives it. `ERR_TRANSPORT` when it is gone, `ERR_PERMISSION` for another user's. */
  constructor(
    readonly id: number,
    { onMessage, onRoom, onGone }: SysvQueueEvents = {},
  ) {
    const addon = native();
    const report = (event: number): void => {
      if (event === 1) onMessage?.();
      else if (event === 2) onRoom?.();
      else onGone?.();
    };
    this.queue = attempt(`open the message queue ${id}`, String(id), () => new addon.SysvQueue(id, report));
  }

  /** The id of the queue with that key (a signed 32-bit integer, not 0). `ERR_PEER_DOWN` when there is none, `ERR_IN_USE` when one that is to be made is there. */
  static open(key: number, { create = false } = {}): number {
    const addon = native();
    const doing = `${create ? 'make' : 'open'} the message queue with key ${key}`;
    return attempt(doing, String(key), () => addon.openSysvQueue(key, create));
  }

  status(): SysvStatus {
    const [bytes, messages, maxBytes, key] = attempt(
      `ask for the state of queue ${this.id}`,
      `${this.id}`,
      () => this.queue.status(),
    );
    return { bytes, messages, maxBytes, key };
  }

  /** Sets how many bytes it may hold. More than kernel.msgmnb needs CAP_SYS_RESOURCE: `ERR_PERMISSION`. */
  setMaxBytes(bytes: number): void {
    attempt(`let queue ${this.id} hold ${bytes} bytes`, `${this.id}`, () => this.queue.setBytes(bytes));
  }

  /**
   * `header` and then `body` from `start` to `end` as one message of `type` (1 or more), filled up with zeros to `pad` bytes. `false`: the
   * queue is full.
   */
  send(
    type: number,
    header: Uint8Array,
    body: Uint8Array = nothing,
    start = 0,
    end = body.byteLength,
    pad = 0,
  ): boolean {
    const sent = this.queue.send(type, header, body, start, end, pad);
    if (sent < 0) throw kernelError(-sent, `send to queue ${this.id}`, `${this.id}`);
    return sent > 0;
  }

  /**
   * Takes the first message of `type` (0: of any) into `scratch`, from `SYSV_TEXT` on; its length, or -1 when there is none. One that is
   * too long for the scratch stays, and throws.
   */
  receive(scratch: Uint8Array, type = 0): number {
    const count = this.queue.receive(scratch, type);
    if (count >= 0) return count;
    if (count === -ENOMSG) return -1;
    throw kernelError(-count, `receive from queue ${this.id}`, `${this.id}`);
  }

  /** Of the message that was received last. */
  get type(): number {
    return this.queue.type();
  }

  /** Calls `onMessage` once when there is a message of `type` (0: of any). */
  awaitMessage(type = 0): void {
    this.queue.awaitMessage(type);
  }

  /** Calls `onRoom` once when a message of so many bytes fits. 0: no more. */
  awaitRoom(bytes: number): void {
    this.queue.awaitRoom(bytes);
  }

  /** Open, it keeps the process running. It does not before. */
  ref(): void {
    this.queue.ref();
  }

  unref(): void {
    this.queue.unref();
  }

  /** Ends the waits; the queue stays. Idempotent. */
  close(): void {
    this.queue.close();
  }

  /** Removes the queue, and all that is in it, for everybody. */
  remove(): void {
    attempt(`remove queue ${this.id}`, `${this.id}`, () => this.queue.remove());
  }
}
