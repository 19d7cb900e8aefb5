import { dirname } from 'node:path';
import {
  BusyPoll,
  type Capacity,
  capacityMismatch,
  isOwned,
  kernelQueue,
  type MailboxSpec,
  type Ordering,
  type PortContext,
  type StoreAttachment,
  type StoreChannel,
} from '@pigeonhole/core/transport';
import { KernelMailbox } from './kernel-mailbox.js';
import type { KernelApi, KernelQueue } from './kernel-queue.js';
import { type Made, QueueRecord } from './record.js';

export interface KernelOptions {
  readonly api: KernelApi;
  readonly messageBytes: number | undefined;
  /** Of mailboxes that are queues by another name than their own. */
  readonly queues: Readonly<Record<string, string | number>>;
}

interface Opened {
  readonly mailbox: KernelMailbox;
  readonly record: QueueRecord;
  readonly made: Made;
}

/** All mailboxes of one runtime that are queues of the kernel's. */
export class KernelAttachment implements StoreAttachment {
  private readonly directory: string;
  private readonly busyPoll: BusyPoll;
  private readonly opened = new Map<string, Opened>();
  /** Opening and leaving, one after the other. */
  private door: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly context: PortContext,
    private readonly transport: string,
    private readonly options: KernelOptions,
    private readonly apis: Readonly<Record<Made['api'], KernelApi>>,
  ) {
    this.directory = dirname(context.path('mqueue'));
    this.sweep();
    // For a queue of System V a thread waits, which needs the processor itself.
    this.busyPoll = BusyPoll.of(options.api.api === 'posix' ? context.busyPoll : 0);
  }

  /** What `explain` tells of a mailbox. */
  describe(name: string): Record<string, string> {
    const { api } = this.options.api;
    const own = this.opened.get(name);
    return {
      [api === 'posix' ? 'name' : 'key']: String(own?.made.address ?? this.addressOf(name)),
      ...(own === undefined ? {} : { messageBytes: String(own.mailbox.queue.messageBytes) }),
    };
  }

  open(spec: MailboxSpec): Promise<StoreChannel> {
    return this.behindDoor(async () => {
      const present = this.opened.get(spec.name) ?? (await this.openMailbox(spec));
      const { mailbox } = present;
      const mismatch = capacityMismatch(spec, mailbox);
      if (mismatch !== null) {
        if (mailbox.users === 0) await this.leave(spec.name, present);
        throw mismatch;
      }
      mailbox.users++;
      return new Handle(mailbox, () =>
        this.behindDoor(async () => {
          if (--mailbox.users === 0) await this.leave(spec.name, present);
        }),
      );
    });
  }

  /** Whoever is dead may have been the last to have an empty mailbox open. */
  peerDown(): void {
    this.sweep();
  }

  close(): Promise<void> {
    return this.behindDoor(async () => {
      for (const [name, opened] of [...this.opened]) await this.leave(name, opened);
      this.busyPoll.close();
      this.sweep();
    });
  }

  private async openMailbox(spec: MailboxSpec): Promise<Opened> {
    const record = await QueueRecord.enter(this.directory, spec.name);
    let kept = false;
    try {
      const opened = this.openQueue(spec, record);
      record.use();
      kept = true;
      this.opened.set(spec.name, opened);
      return opened;
    } finally {
      if (kept) record.exit();
      else this.discard(record, spec.name);
    }
  }

  private openQueue(spec: MailboxSpec, record: QueueRecord): Opened {
    const { api, messageBytes } = this.options;
    const known = record.read();
    const own = known?.api === api.api ? known : null;
    const ordering = own?.ordering ?? spec.ordering ?? 'fifo';
    const address = own?.address ?? this.addressOf(spec.name);
    let made = own?.made ?? false;
    // First, so that a queue whose maker dies just then is known to be ours.
    if (api.look(address) === null) {
      made = true;
      record.write({ api: api.api, address, capacity: 0, messageBytes: 0, ordering, made });
    }
    const open = (mailbox: KernelMailbox): KernelQueue => {
      const asked = {
        capacity: own?.capacity || (spec.capacity as number | undefined),
        messageBytes: own?.messageBytes || messageBytes,
        byPriority: ordering === 'priority',
      };
      return api.open(address, asked, mailbox);
    };
    const { transport, context } = this;
    const setup = {
      name: spec.name,
      ordering,
      api: api.api,
      transport,
      limits: spec.limits,
      self: context.self.name,
    };
    const mailbox = new KernelMailbox(
      { ...setup, stir: () => this.busyPoll.stir(), warn: (error) => context.warn(error) },
      open,
    );
    const { capacity, messageBytes: bytes } = mailbox.queue;
    const written: Made = { api: api.api, address, capacity, messageBytes: bytes, ordering, made };
    record.write(written);
    return { mailbox, record, made: written };
  }

  /** A mailbox goes when the last process leaves it empty. */
  private async leave(name: string, { mailbox, record, made }: Opened): Promise<void> {
    if (this.opened.get(name)?.mailbox !== mailbox) return;
    this.opened.delete(name);
    await record.enterAgain().catch((error: Error) => this.context.warn(error));
    mailbox.close();
    this.putAway(record, made, name);
    record.close();
  }

  /** What processes that died have left empty. */
  private sweep(): void {
    for (const { mailbox, record } of QueueRecord.each(this.directory)) {
      if (!this.opened.has(mailbox)) this.discard(record, mailbox);
      else record.close();
    }
  }

  private discard(record: QueueRecord, name: string): void {
    try {
      this.putAway(record, record.read(), name);
    } catch (error) {
      this.context.warn(error as Error);
    } finally {
      record.close();
    }
  }

  /** Inside the door. */
  private putAway(record: QueueRecord, made: Made | null, name: string): void {
    if (!record.isLast()) return;
    if (made?.made) {
      const api = this.apis[made.api];
      if (!isOwned(name) && (api.look(made.address) ?? 0) > 0) return;
      api.remove(made.address);
    }
    record.remove();
  }

  private addressOf(mailbox: string): string | number {
    const { queues, api } = this.options;
    const { name, key } = kernelQueue(this.directory, mailbox);
    return queues[mailbox] ?? (api.api === 'posix' ? name : key);
  }

  private behindDoor<T>(act: () => Promise<T>): Promise<T> {
    const entered = this.door.then(act);
    this.door = entered.catch(() => {});
    return entered;
  }
}

/** One handle's way to the mailbox. */
class Handle implements StoreChannel {
  readonly send: StoreChannel['send'];
  readonly receive: StoreChannel['receive'];
  readonly cancelSend: StoreChannel['cancelSend'];
  readonly cancelReceive: StoreChannel['cancelReceive'];
  readonly capacity: Capacity;
  readonly ordering: Ordering;

  constructor(
    mailbox: KernelMailbox,
    private readonly release: () => Promise<void>,
  ) {
    this.send = (operation) => mailbox.send(operation);
    this.receive = (operation) => mailbox.receive(operation);
    this.cancelSend = (operation) => mailbox.cancelSend(operation);
    this.cancelReceive = (operation) => mailbox.cancelReceive(operation);
    this.capacity = mailbox.capacity;
    this.ordering = mailbox.ordering;
  }

  close(): Promise<void> {
    return this.release();
  }
}
