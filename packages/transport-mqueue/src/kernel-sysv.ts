import { hasSystemCode } from '@pigeonhole/core/transport';
import { SYSV_TEXT, SysvQueue, type SysvQueueEvents } from '@pigeonhole/native';
import type { KernelApi, KernelEvents, KernelQueue, KernelSpec, Taken } from './kernel-queue.js';
import { beyond, sysctl, sysvLimit } from './limits.js';

/** Messages that a queue is made for where nobody said: of 1 KiB each, they fill one of the default size. */
const CAPACITY = 16;
/** A message has a header and its sender's name. */
const SMALLEST = 256;
/** The type of a message that was given none; one that was given has 31 bits. */
const NO_TYPE = 2 ** 31;

/**
 * The kernel counts bytes, not messages. So that a capacity is exact, each message with a header is filled up to the same length, of
 * which as many as the capacity fit. One without, which a C program is to get as it is, takes its own bytes.
 */
class SysvMailboxQueue implements KernelQueue {
  private readonly scratch: Uint8Array;
  /** Each waits for messages of one type. */
  private readonly waiting = new Map<number, SysvQueue>();

  constructor(
    private readonly queue: SysvQueue,
    readonly capacity: number,
    readonly messageBytes: number,
    private readonly events: KernelEvents,
  ) {
    this.scratch = new Uint8Array(SYSV_TEXT + Math.max(messageBytes, sysctl('kernel.msgmax')));
  }

  messages(): number {
    return this.queue.status().messages;
  }

  send(head: Uint8Array, body: Uint8Array, type: number): boolean {
    const pad = head.byteLength > 0 ? this.messageBytes : 0; // as in sizeOf
    return this.queue.send(type || NO_TYPE, head, body, 0, body.byteLength, pad);
  }

  sizeOf(head: Uint8Array, body: Uint8Array): number {
    // A message of no bytes takes a place all the same.
    return head.byteLength > 0 ? this.messageBytes : Math.max(1, body.byteLength);
  }

  receive(type: number): Taken | null {
    const queue = this.waiting.get(type) ?? this.queue;
    const count = queue.receive(this.scratch, type);
    if (count < 0) return null;
    const bytes = this.scratch.subarray(SYSV_TEXT, SYSV_TEXT + count);
    return { bytes, type: queue.type < NO_TYPE ? queue.type : 0, priority: 0 };
  }

  watch(types: ReadonlySet<number>, room: number): void {
    for (const [type, queue] of this.waiting) {
      if (types.has(type)) continue;
      queue.close();
      this.waiting.delete(type);
    }
    for (const type of types) {
      if (this.waiting.has(type)) continue;
      const { events } = this;
      const queue: SysvQueue = new SysvQueue(this.queue.id, {
        onGone: () => events.gone(),
        onMessage: () => {
          events.message();
          if (this.waiting.get(type) === queue) queue.awaitMessage(type);
        },
      });
      this.waiting.set(type, queue);
      queue.awaitMessage(type);
    }
    this.queue.awaitRoom(room);
  }

  close(): void {
    for (const queue of this.waiting.values()) queue.close();
    this.waiting.clear();
    this.queue.close();
  }
}

function find(key: number): number | null {
  try {
    return SysvQueue.open(key);
  } catch (error) {
    if (hasSystemCode(error, 'ERR_PEER_DOWN')) return null;
    throw error;
  }
}

/** Of so many messages as much as fits into a queue of the default size, but no less than one needs. */
function slotOf({ capacity = CAPACITY, messageBytes }: KernelSpec): number {
  if (messageBytes !== undefined) return messageBytes;
  return Math.max(
    SMALLEST,
    Math.min(sysctl('kernel.msgmax'), Math.floor(sysctl('kernel.msgmnb') / capacity)),
  );
}

export const sysvApi: KernelApi = {
  api: 'sysv',

  open(address, spec, events) {
    const key = Number(address);
    const { capacity = CAPACITY } = spec;
    const messageBytes = slotOf(spec);
    const what = `a queue of ${capacity} messages of ${messageBytes} bytes`;
    const maxBytes = capacity * messageBytes;
    const found = find(key);
    // The kernel would take the lower half of the number.
    if (found === null && maxBytes >= 2 ** 31) throw beyond('kernel.msgmnb', maxBytes, what);
    if (found === null && messageBytes > sysctl('kernel.msgmax'))
      throw beyond('kernel.msgmax', messageBytes, what);
    let id: number;
    try {
      id = found ?? SysvQueue.open(key, { create: true });
    } catch (error) {
      throw sysvLimit(error, 0, what);
    }
    const reports: SysvQueueEvents = { onRoom: () => events.room(), onGone: () => events.gone() };
    const queue = new SysvQueue(id, reports);
    try {
      if (found === null) queue.setMaxBytes(maxBytes);
    } catch (error) {
      queue.close();
      queue.remove();
      throw sysvLimit(error, maxBytes, what);
    }
    const own = found === null ? capacity : Math.max(1, Math.floor(queue.status().maxBytes / messageBytes));
    return new SysvMailboxQueue(queue, own, messageBytes, events);
  },

  look(address) {
    const id = find(Number(address));
    if (id === null) return null;
    const queue = new SysvQueue(id);
    const { messages } = queue.status();
    queue.close();
    return messages;
  },

  remove(address) {
    const id = find(Number(address));
    if (id === null) return;
    const queue = new SysvQueue(id);
    queue.close();
    queue.remove();
  },
};
