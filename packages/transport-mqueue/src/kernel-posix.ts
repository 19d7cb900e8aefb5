import { hasSystemCode } from '@pigeonhole/core/transport';
import { PosixQueue } from '@pigeonhole/native';
import type { KernelApi, KernelEvents, KernelQueue, KernelSpec, Taken } from './kernel-queue.js';
import { posixLimit, sysctl } from './limits.js';

/** Of one message, where nobody said: what anybody may have by default. */
const MESSAGE_BYTES = 8192;

class PosixMailboxQueue implements KernelQueue {
  readonly capacity: number;
  readonly messageBytes: number;
  private readonly scratch: Uint8Array;

  constructor(
    private readonly queue: PosixQueue,
    private readonly byPriority: boolean,
  ) {
    const { maxMessages, messageBytes } = queue.attributes();
    this.capacity = maxMessages;
    this.messageBytes = messageBytes;
    this.scratch = new Uint8Array(messageBytes);
  }

  messages(): number {
    return this.queue.attributes().messages;
  }

  send(head: Uint8Array, body: Uint8Array, _type: number, priority: number): boolean {
    return this.queue.send(head, body, 0, body.byteLength, this.byPriority ? priority : 0);
  }

  sizeOf(): number {
    return this.messageBytes;
  }

  receive(): Taken | null {
    const count = this.queue.receive(this.scratch);
    if (count < 0) return null;
    return { bytes: this.scratch.subarray(0, count), type: 0, priority: this.queue.priority };
  }

  watch(types: ReadonlySet<number>, room: number): void {
    this.queue.watch({ message: types.size > 0, room: room > 0 });
  }

  close(): void {
    this.queue.close();
  }
}

function make(name: string, spec: KernelSpec, onEvents: object): PosixQueue {
  const maxMessages = spec.capacity ?? sysctl('fs.mqueue.msg_max');
  const messageBytes = spec.messageBytes ?? Math.min(MESSAGE_BYTES, sysctl('fs.mqueue.msgsize_max'));
  try {
    return new PosixQueue(name, { create: { maxMessages, messageBytes }, ...onEvents });
  } catch (error) {
    throw posixLimit(error, maxMessages, messageBytes, `the message queue ${name}`);
  }
}

export const posixApi: KernelApi = {
  api: 'posix',

  open(address, spec, reports: KernelEvents) {
    const name = String(address);
    const events = { onMessage: () => reports.message(), onRoom: () => reports.room() };
    let queue: PosixQueue;
    try {
      queue = new PosixQueue(name, events);
    } catch (error) {
      if (!hasSystemCode(error, 'ERR_PEER_DOWN')) throw error;
      queue = make(name, spec, events);
    }
    return new PosixMailboxQueue(queue, spec.byPriority);
  },

  look(address) {
    let queue: PosixQueue;
    try {
      queue = new PosixQueue(String(address));
    } catch (error) {
      if (hasSystemCode(error, 'ERR_PEER_DOWN')) return null;
      throw error;
    }
    const { messages } = queue.attributes();
    queue.close();
    return messages;
  },

  remove(address) {
    PosixQueue.unlink(String(address));
  },
};
