import type { QueueApi } from '@pigeonhole/core/transport';

/** An inbox queue as its process has it. */
export interface InboxQueue {
  /** How others find it: which kind of queue, and its name or number. */
  readonly address: string;
  /** Takes what is there, whole messages in order, until it is empty. Not to be called from within the taking. */
  drain(): void;
  /** Nobody finds it any more. */
  unlink(): void;
  /** No message is taken any more. */
  close(): void;
}

/** Somebody else's inbox. */
export interface OutboxQueue {
  /** Most bytes of one message. */
  readonly messageBytes: number;
  /** As one message; `false`: there is no room, and `room` is reported once there is. Throws when the queue has gone. */
  send(head: Uint8Array, body: Uint8Array, start: number, end: number): boolean;
  close(): void;
}

/** Takes a message, which it may read during the call. `more`: another one follows before the event loop turns. */
export type OnMessage = (message: Uint8Array, more: boolean) => void;

/** One of the two kinds of queue, for one process's inbox and those of the others. */
export interface Mechanism {
  readonly api: QueueApi;
  /** Most bytes that a message of any inbox may have. */
  readonly messageBytes: number;
  /**
   * Bytes of one link that may be under way: less than half of what an inbox holds, and the same for all processes. In an inbox that is full,
   * the word that a message was taken would have to wait, and a process that dies before it could say so leaves a message that is received twice.
   */
  readonly window: number;
  /** The address of the inbox of that incarnation. */
  addressOf(incarnation: string): string;
  /** Makes this process's inbox. */
  makeInbox(incarnation: string, onMessage: OnMessage): InboxQueue;
  /** `ERR_PEER_DOWN` when there is none. */
  openOutbox(incarnation: string, onRoom: () => void): OutboxQueue;
}

/** How many messages are taken in one go: others in this thread want their turn. */
export const BATCH = 256;
