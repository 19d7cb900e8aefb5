import { kernelQueue, PigeonholeError } from '@pigeonhole/core/transport';
import { SYSV_TEXT, SysvQueue } from '@pigeonhole/native';
import { sysctl, sysvLimit } from './limits.js';
import { BATCH, type InboxQueue, type Mechanism, type OnMessage, type OutboxQueue } from './mechanism.js';

/** An eighth of what a queue holds by default. */
const MESSAGE_BYTES = 2048;

/**
 * Types of messages in an inbox. The last two carry nothing but the number of the sender's own inbox in their type: an empty message has
 * room in a queue that is full of bytes (msgsnd(2)), so who has found it full can always ask to be told when it is not.
 */
const Type = { frame: 1, wantsRoom: 2 ** 32, hasRoom: 2 ** 33 } as const;

/** After how many milliseconds a sender tries again that could not even ask: somebody has filled the inbox with empty messages. */
const RETRY = 20;

const nothing = new Uint8Array(0);

interface Reached {
  readonly queue: SysvQueue;
  onRoom(): void;
}

/** Inboxes that are System V message queues. A thread waits for the messages of this process's; nobody has to wait for room. */
export class SysvMechanism implements Mechanism {
  readonly api = 'sysv';
  readonly messageBytes = Math.min(MESSAGE_BYTES, sysctl('kernel.msgmax'));
  readonly window = 8_192;
  private readonly scratch = new Uint8Array(SYSV_TEXT + this.messageBytes);
  /** By number. */
  private readonly outboxes = new Map<number, Reached>();
  /** Numbers of inboxes whose processes have found this one full. */
  private readonly wanting = new Set<number>();
  private inbox: SysvQueue | null = null;

  constructor(private readonly directory: string) {}

  addressOf(incarnation: string): string {
    return `sysv:${incarnation}`;
  }

  makeInbox(incarnation: string, onMessage: OnMessage): InboxQueue {
    const take = (most: number): boolean => this.take(most, onMessage);
    let closed = false;
    const work = (): void => {
      if (closed) return;
      if (take(BATCH)) queue.awaitMessage();
      else setImmediate(work);
    };
    const queue = this.make(incarnation, work);
    this.inbox = queue;
    queue.ref();
    queue.awaitMessage();
    return {
      address: this.addressOf(incarnation),
      drain: () => void take(Number.POSITIVE_INFINITY),
      unlink: () => {}, // its number would find it still
      close: () => {
        closed = true;
        this.inbox = null;
        queue.close();
        queue.remove();
      },
    };
  }

  openOutbox(incarnation: string, onRoom: () => void): OutboxQueue {
    const { directory, outboxes, messageBytes } = this;
    const queue = new SysvQueue(SysvQueue.open(kernelQueue(directory, `@${incarnation}`).key));
    let retry: NodeJS.Timeout | undefined;
    const { id } = queue;
    const reached: Reached = { queue, onRoom };
    outboxes.set(id, reached);
    return {
      messageBytes,
      send: (head, body, start, end) => {
        if (queue.send(Type.frame, head, body, start, end)) return true;
        if (this.inbox === null || !queue.send(Type.wantsRoom + this.inbox.id, nothing))
          retry = setTimeout(onRoom, RETRY);
        return false;
      },
      close: () => {
        clearTimeout(retry);
        if (outboxes.get(id) === reached) outboxes.delete(id);
        queue.close();
      },
    };
  }

  private make(incarnation: string, onMessage: () => void): SysvQueue {
    const { key } = kernelQueue(this.directory, `@${incarnation}`);
    try {
      return new SysvQueue(SysvQueue.open(key, { create: true }), { onMessage });
    } catch (error) {
      throw sysvLimit(error, 0, 'an inbox queue');
    }
  }

  /** Whether nothing is left. */
  private take(most: number, onMessage: OnMessage): boolean {
    let empty = false;
    for (let taken = 0; taken < most && !empty && this.inbox !== null; taken++) {
      const { inbox, scratch } = this;
      const count = receive(inbox, scratch);
      if (count < 0) empty = true;
      else if (inbox.type === Type.frame) onMessage(scratch.subarray(SYSV_TEXT, SYSV_TEXT + count), false);
      else if (count === 0) this.hear(inbox.type);
    }
    this.tellOfRoom();
    return empty;
  }

  private hear(type: number): void {
    if (type >= Type.hasRoom) this.outboxes.get(type - Type.hasRoom)?.onRoom();
    else if (type >= Type.wantsRoom) this.wanting.add(type - Type.wantsRoom);
  }

  private tellOfRoom(): void {
    const { inbox, wanting } = this;
    if (inbox === null) return;
    for (const id of wanting)
      try {
        tell(this.outboxes.get(id)?.queue, id, Type.hasRoom + inbox.id);
      } catch (error) {
        if (!(error instanceof PigeonholeError)) throw error; // else it has gone, or is nobody's
      }
    wanting.clear();
  }
}

/** Removes what a dead process left. */
export function discardSysv(directory: string, incarnation: string): void {
  let queue: SysvQueue;
  try {
    queue = new SysvQueue(SysvQueue.open(kernelQueue(directory, `@${incarnation}`).key));
  } catch {
    return; // it never came to be, or has gone
  }
  queue.remove();
  queue.close();
}

function tell(known: SysvQueue | undefined, id: number, type: number): void {
  const queue = known ?? new SysvQueue(id);
  queue.send(type, nothing);
  if (known === undefined) queue.close();
}

/** What is too long to be from one of us is taken away: cut off, it would still be nothing. */
function receive(inbox: SysvQueue, scratch: Uint8Array): number {
  try {
    return inbox.receive(scratch);
  } catch (error) {
    if ((error as PigeonholeError).errno !== -7) throw error;
    const large = new Uint8Array(SYSV_TEXT + sysctl('kernel.msgmax'));
    inbox.receive(large);
    return 0;
  }
}
