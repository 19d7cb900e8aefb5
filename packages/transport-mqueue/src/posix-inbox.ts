import { kernelQueue } from '@pigeonhole/core/transport';
import { PosixQueue } from '@pigeonhole/native';
import { isBudgetSpent, posixLimit, sysctl } from './limits.js';
import { BATCH, type InboxQueue, type Mechanism, type OnMessage, type OutboxQueue } from './mechanism.js';

/** Messages of an inbox: what fs.mqueue.msg_max lets anybody have by default. */
const MESSAGES = 10;
/** Of one message. Half of what one may have by default, so that twice as many processes have an inbox in RLIMIT_MSGQUEUE. */
const MESSAGE_BYTES = 4096;
/** Where little of that is left, an inbox is smaller. */
const SMALLEST = 512;

/** After a wake that brought one message, so many are believed to bring one, too: that the queue is empty then is not asked, the loop knows. */
const ALONE = 3;

/** Inboxes that are POSIX message queues: their descriptors are polled by the event loop, for messages and for room. */
export class PosixMechanism implements Mechanism {
  readonly api = 'posix';
  readonly messageBytes = MESSAGE_BYTES;
  readonly window = 32_768;

  constructor(private readonly directory: string) {}

  addressOf(incarnation: string): string {
    return `posix:${this.nameOf(incarnation)}`;
  }

  makeInbox(incarnation: string, onMessage: OnMessage): InboxQueue {
    const name = this.nameOf(incarnation);
    let scratch = new Uint8Array(MESSAGE_BYTES);
    let ahead = new Uint8Array(MESSAGE_BYTES);
    let open = true;
    /** Each is handled when it is known whether there is another; the first of `most` 1 without that. How many there were? */
    const take = (most: number): number => {
      let taken = 0;
      for (let count = queue.receive(scratch); count >= 0; taken++) {
        const next = taken + 1 < most ? queue.receive(ahead) : -1;
        const message = scratch.subarray(0, count);
        [scratch, ahead, count] = [ahead, scratch, next];
        onMessage(message, next >= 0);
        if (!open) break;
      }
      return taken;
    };
    let alone = 0;
    const queue = make(name, () => {
      if (alone > 0) {
        alone--;
        take(1);
      } else if (take(BATCH) === 1) alone = ALONE;
    });
    queue.watch({ message: true, room: false });
    queue.ref();
    return {
      address: this.addressOf(incarnation),
      drain: () => void take(MESSAGES),
      unlink: () => void PosixQueue.unlink(name),
      close: () => {
        open = false;
        queue.close();
      },
    };
  }

  openOutbox(incarnation: string, onRoom: () => void): OutboxQueue {
    const queue = new PosixQueue(this.nameOf(incarnation), {
      onRoom: () => {
        queue.watch({ message: false, room: false });
        onRoom();
      },
    });
    const { messageBytes } = queue.attributes();
    return {
      messageBytes,
      send(head, body, start, end) {
        const sent = queue.send(head, body, start, end);
        if (!sent) queue.watch({ message: false, room: true });
        return sent;
      },
      close: () => queue.close(),
    };
  }

  private nameOf(incarnation: string): string {
    return nameIn(this.directory, incarnation);
  }
}

/** Removes what a dead process left. */
export function discardPosix(directory: string, incarnation: string): void {
  PosixQueue.unlink(nameIn(directory, incarnation));
}

function nameIn(directory: string, incarnation: string): string {
  return kernelQueue(directory, `@${incarnation}`).name;
}

function make(name: string, onMessage: () => void): PosixQueue {
  const maxMessages = Math.min(MESSAGES, sysctl('fs.mqueue.msg_max'));
  let messageBytes = Math.min(MESSAGE_BYTES, sysctl('fs.mqueue.msgsize_max'));
  for (;;) {
    try {
      return new PosixQueue(name, { create: { maxMessages, messageBytes }, onMessage });
    } catch (error) {
      if (!isBudgetSpent(error) || messageBytes / 2 < SMALLEST)
        throw posixLimit(error, maxMessages, messageBytes, `an inbox queue`);
      messageBytes /= 2;
    }
  }
}
