import { Buffer } from 'node:buffer';
import { markAsUntransferable } from 'node:worker_threads';
import {
  type Capacity,
  capacityMismatch,
  DEFAULT_CAPACITY,
  isOwned,
  type MailboxSpec,
  type Ordering,
  Patience,
  PigeonholeError,
  type PortContext,
  type StoreAttachment,
  type StoreChannel,
  sharedMemoryFile,
} from '@pigeonhole/core/transport';
import { type FifoReader, native, openDoorbell, type ShmBuffers, type ShmMembers } from '@pigeonhole/native';
import { ShmChannel } from './channel.js';
import { fromFault, isFault } from './fault.js';
import { FRAME } from './letter.js';
import { SharedMailbox, UNBOUNDED } from './mailbox.js';
import { Meeting } from './meeting.js';
import { Poller } from './poller.js';

/** How long a process that is in the middle of opening or closing a mailbox may keep others from it. */
const DOOR_PATIENCE = 5_000;
/** Bodies up to this go through memory that is used again and again. */
const BUFFER_BYTES = 64 * 1024;
/** So many messages go through it at a time. */
const BATCH = 256;

/**
 * After word that a process is gone, further sweeps follow at these distances (milliseconds): who leaves in order says so before it has left the
 * shared memory, and of who is killed the kernel, or the end of a worker thread, closes one descriptor after another.
 */
const SWEEP_AGAIN = [20, 200, 2_000];

/** Everything of one runtime in shared memory: its membership, its bell and its mailboxes. */
export class ShmAttachment implements StoreAttachment {
  private readonly mailboxes = new Map<string, SharedMailbox>();
  private readonly byTag: (SharedMailbox | undefined)[] = [];
  private readonly buffers: ShmBuffers = {
    incoming: Buffer.allocUnsafeSlow(BUFFER_BYTES),
    frames: new Float64Array(FRAME * BATCH),
    outgoing: Buffer.allocUnsafeSlow(BUFFER_BYTES),
    lengths: new Uint32Array(BATCH),
    marks: new Float64Array(4),
  };
  private readonly poller: Poller;
  private readonly meeting: Meeting;
  private readonly bell: FifoReader;
  private sweeping: NodeJS.Timeout | null = null;
  /** Opening and closing, one after the other. */
  private door: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly members: ShmMembers,
    private readonly context: PortContext,
    private readonly directory: string,
    turns: number | undefined,
  ) {
    // The native part goes on writing into them: a codec of the application's that sees one must not transfer it away.
    for (const { buffer } of Object.values(this.buffers)) markAsUntransferable(buffer);
    this.meeting = new Meeting(members);
    this.bell = openDoorbell(members.bell, (bytes) => this.rung(bytes));
    this.bell.unref();
    this.poller = new Poller(Patience.of(context.busyPoll, turns));
  }

  static async join(
    context: PortContext,
    directory: string,
    turns: number | undefined,
  ): Promise<ShmAttachment> {
    const addon = native();
    const members = await untilFree(directory, () => new addon.ShmMembers(directory));
    const attachment = new ShmAttachment(members, context, directory, turns);
    try {
      await attachment.behindDoor(() => attachment.tidy());
    } catch (error) {
      attachment.end();
      throw error;
    }
    return attachment;
  }

  open(spec: MailboxSpec): Promise<StoreChannel> {
    return this.behindDoor(() => {
      const mailbox = this.mailboxes.get(spec.name) ?? this.openMailbox(spec);
      mailbox.settle(toNumber(spec.capacity), orderingNumber(spec.ordering));
      const mismatch = capacityMismatch(spec, mailbox);
      if (mismatch !== null) {
        if (mailbox.users === 0) this.closeMailbox(mailbox);
        throw mismatch;
      }
      mailbox.users++;
      return new ShmChannel(mailbox, () => this.leave(mailbox));
    });
  }

  /** A process is gone: what it had claimed comes back, what it waited with is withdrawn, and its places are free. */
  peerDown(): void {
    if (this.sweeping !== null) clearTimeout(this.sweeping);
    const sweep = (pauses: readonly number[]): void => {
      this.sweeping = null;
      if (!this.members.enter()) {
        this.sweeping = setTimeout(() => sweep(pauses), 10);
        return;
      }
      const [pause, ...rest] = pauses;
      if (pause !== undefined) this.sweeping = setTimeout(() => sweep(rest), pause).unref();
      try {
        this.meeting.renew();
        for (const mailbox of this.mailboxes.values()) mailbox.sweep();
        this.tidy();
      } finally {
        this.members.exit();
      }
    };
    sweep(SWEEP_AGAIN);
  }

  async close(): Promise<void> {
    await this.behindDoor(() => {
      for (const mailbox of [...this.mailboxes.values()]) this.closeMailbox(mailbox);
    });
    if (this.sweeping !== null) clearTimeout(this.sweeping);
    this.end();
  }

  private end(): void {
    this.poller.close();
    this.bell.close();
    this.members.leave();
  }

  private openMailbox(spec: MailboxSpec): SharedMailbox {
    let tag = this.byTag.indexOf(undefined);
    if (tag < 0) tag = this.byTag.length;
    const addon = native();
    const { name, capacity, ordering, maxBytes } = spec;
    try {
      const shared = new addon.ShmMailbox(
        this.members,
        sharedMemoryFile(this.directory, name),
        name,
        toNumber(capacity),
        orderingNumber(ordering),
        DEFAULT_CAPACITY,
        Math.min(maxBytes, Number.MAX_SAFE_INTEGER),
        this.context.self.name,
        tag,
        this.buffers,
      );
      const { buffers, poller, meeting } = this;
      const mailbox = new SharedMailbox(shared, name, tag, buffers, poller, meeting, () => this.peerDown());
      if (shared.replaced)
        this.context.warn(
          new PigeonholeError(
            'ERR_CORRUPT',
            `mailbox '${name}' was found damaged in shared memory and has been made anew; what it held is lost`,
            { transport: 'shm', address: name },
          ),
        );
      this.mailboxes.set(name, mailbox);
      this.byTag[tag] = mailbox;
      return mailbox;
    } catch (error) {
      throw fromFault(error, `mailbox '${name}'`);
    }
  }

  private leave(mailbox: SharedMailbox): Promise<void> {
    return this.behindDoor(() => {
      if (--mailbox.users === 0) this.closeMailbox(mailbox);
    });
  }

  private closeMailbox(mailbox: SharedMailbox): void {
    if (this.mailboxes.get(mailbox.name) !== mailbox) return;
    this.mailboxes.delete(mailbox.name);
    this.byTag[mailbox.tag] = undefined;
    mailbox.leave();
  }

  /** Removes mailboxes that nobody alive has and that are empty or were of one process only; joining and leaving each does it. */
  private tidy(): void {
    const addon = native();
    const open = new Set([...this.mailboxes.keys()].map((name) => sharedMemoryFile(this.directory, name)));
    for (const path of this.members.strays()) {
      if (open.has(path)) continue;
      try {
        const stray = new addon.ShmMailbox(
          this.members,
          path,
          null,
          -1,
          -1,
          DEFAULT_CAPACITY,
          Number.MAX_SAFE_INTEGER,
          this.context.self.name,
          UNBOUNDED,
          this.buffers,
        );
        stray.leave(isOwned(stray.name));
      } catch (error) {
        if (!isFault(error)) throw error;
        this.context.warn(fromFault(error, path) as Error);
      }
    }
  }

  private rung(bytes: Uint8Array): void {
    // As many as the bell can say: it may have been too full to say more.
    if (bytes.length >= 4096) for (const mailbox of this.mailboxes.values()) mailbox.wakened();
    const tags = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + 4 <= bytes.length; at += 4) this.byTag[tags.getUint32(at, true)]?.wakened();
  }

  private behindDoor<T>(act: () => T): Promise<T> {
    const entered = this.door.then(async () => {
      await untilFree(this.directory, () => {
        if (!this.members.enter())
          throw Object.assign(new Error('another process is inside'), { kind: 'busy', errno: 0 });
      });
      try {
        return act();
      } finally {
        this.members.exit();
      }
    });
    this.door = entered.catch(() => {});
    return entered;
  }
}

/** Tries until nobody else is behind the door. Nobody stays there for longer than some file operations, unless stopped. */
async function untilFree<T>(directory: string, attempt: () => T): Promise<T> {
  const deadline = performance.now() + DOOR_PATIENCE;
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (!isFault(error) || error.kind !== 'busy' || performance.now() > deadline)
        throw fromFault(error, directory);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function orderingNumber(ordering: Ordering | undefined): number {
  if (ordering === undefined) return -1;
  return ordering === 'priority' ? 1 : 0;
}

function toNumber(capacity: Capacity | undefined): number {
  if (capacity === undefined) return -1;
  return capacity === 'unbounded' ? UNBOUNDED : capacity;
}
