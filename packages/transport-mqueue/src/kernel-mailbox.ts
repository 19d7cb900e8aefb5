import {
  type Channel,
  Delivery,
  type Envelope,
  lacking,
  matches,
  OperationList,
  type Ordering,
  PigeonholeError,
  type ReceiveOperation,
  type SendOperation,
  verifyBody,
} from '@pigeonhole/core/transport';
import { headOf, parse } from './kernel-message.js';
import type { KernelQueue } from './kernel-queue.js';
import { beyond, sysctl } from './limits.js';

export interface MailboxSetup {
  readonly name: string;
  readonly ordering: Ordering;
  readonly api: 'posix' | 'sysv';
  readonly transport: string;
  /** This process's name. */
  readonly self: string;
  readonly limits: Parameters<typeof verifyBody>[1];
  /** Something has come from another process. */
  stir(): void;
  warn(error: Error): void;
}

const every: ReadonlySet<number> = new Set([0]);
const nothing: ReadonlySet<number> = new Set();

/** One mailbox of a process, for all its handles: its calls that wait, and the kernel's queue, which has the messages. */
export class KernelMailbox implements Channel {
  /** Handles. */
  users = 0;
  private readonly sends = new OperationList<SendOperation>();
  private readonly receives = new OperationList<ReceiveOperation>();
  /** Taken for a receive that could not take it after all: it goes to the next. */
  private returned: Envelope[] = [];
  private serving = false;
  /** Something of another process's has been taken. */
  private came = false;
  private watched = '';
  private lost: PigeonholeError | null = null;

  /** The queue reports to `message`, `room` and `gone`. */
  constructor(
    readonly setup: MailboxSetup,
    private readonly open: (mailbox: KernelMailbox) => KernelQueue,
  ) {
    this.queue = this.open(this);
  }

  readonly queue: KernelQueue;

  get capacity(): number {
    return this.queue.capacity;
  }

  get ordering(): Ordering {
    return this.setup.ordering;
  }

  send(operation: SendOperation): void {
    if (this.lost !== null) return operation.fail(this.lost);
    if (this.sends.size === 0 && this.trySend(operation)) return;
    if (operation.settled) return;
    if (!operation.wait) return operation.refused();
    this.sends.push(operation);
    this.watch();
  }

  receive(operation: ReceiveOperation): void {
    const refused = this.lost ?? this.unsupported(operation);
    if (refused !== null) return operation.fail(refused);
    this.receives.push(operation);
    this.serve();
    if (operation.settled || operation.list === null || operation.wait) return;
    this.receives.remove(operation);
    operation.empty();
    this.watch();
  }

  cancelSend(operation: SendOperation): void {
    operation.withdrawn();
    this.watch();
  }

  cancelReceive(operation: ReceiveOperation): void {
    operation.withdrawn();
    this.watch();
  }

  message(): void {
    this.came = false;
    this.serve();
    if (this.came) this.setup.stir();
  }

  room(): void {
    this.watched = ''; // the word comes once
    this.pump();
    this.watch();
  }

  gone(): void {
    const { name, transport } = this.setup;
    this.lose(
      new PigeonholeError('ERR_TRANSPORT', `somebody has removed the message queue of mailbox '${name}'`, {
        transport,
        address: name,
      }),
    );
  }

  /** Nobody here uses it any more. */
  close(): void {
    for (const envelope of this.returned.splice(0)) this.putBack(envelope);
    this.queue.close();
  }

  private serve(): void {
    // What a call settles may call again, by a callback of the application's.
    if (this.serving) return;
    this.serving = true;
    try {
      let next = this.receives.first;
      while (next !== null) {
        const operation = next;
        next = operation.next as ReceiveOperation | null;
        this.fill(operation);
        // What one that takes anything did not find, those behind it do not find either.
        if (operation.list !== null && operation.selector === null) break;
      }
      this.pump();
    } catch (error) {
      this.fail(error);
    } finally {
      this.serving = false;
    }
    this.watch();
  }

  private fill(operation: ReceiveOperation): void {
    // A select that is over, of which this receive has not been withdrawn yet.
    while (!operation.settled && !operation.group?.settled) {
      const envelope = this.takeFor(operation);
      if (envelope === null) break;
      if (operation.deliver(envelope) === Delivery.declined) {
        this.returned.unshift({ ...envelope, body: envelope.body.slice() });
        break;
      }
    }
    if (operation.begun && !operation.settled) {
      this.receives.remove(operation);
      operation.empty();
    }
  }

  private takeFor({ selector }: ReceiveOperation): Envelope | null {
    const types = selector?.types ?? null;
    if (types?.length === 0) return null;
    const at = this.returned.findIndex((envelope) => matches(selector, envelope));
    if (at >= 0) return this.returned.splice(at, 1)[0] as Envelope;
    for (;;) {
      const taken = this.queue.receive(types?.[0] ?? 0);
      if (taken === null) return null;
      const envelope = this.read(taken.bytes, taken.type, taken.priority);
      if (envelope !== null) return envelope;
    }
  }

  /** What is no message is thrown away: it would be in the way for ever. */
  private read(bytes: Uint8Array, type: number, priority: number): Envelope | null {
    const { limits, name, self, transport, warn } = this.setup;
    const envelope = parse(bytes, type, priority);
    let cause: unknown;
    try {
      if (envelope !== null) {
        verifyBody(envelope, limits);
        if (envelope.from !== self) this.came = true;
        return envelope;
      }
    } catch (error) {
      cause = error;
    }
    const why = cause === undefined ? 'its header is none' : (cause as Error).message;
    warn(
      new PigeonholeError(
        'ERR_CORRUPT',
        `mailbox '${name}' held a message of ${bytes.byteLength} bytes that cannot be: ${why}; it is dropped`,
        { transport, address: name, cause },
      ),
    );
    return null;
  }

  private trySend(operation: SendOperation): boolean {
    const { envelope } = operation;
    const head = headOf(envelope);
    const bytes = head.byteLength + envelope.body.byteLength;
    if (bytes > this.queue.messageBytes) {
      operation.fail(this.tooLarge(bytes));
      return false;
    }
    try {
      if (!this.queue.send(head, envelope.body, envelope.type, envelope.priority)) return false;
    } catch (error) {
      operation.fail(error);
      return false;
    }
    operation.accepted();
    return true;
  }

  /** Sends what waits, in order, while there is room. */
  private pump(): void {
    for (let first = this.sends.first; first !== null; first = this.sends.first)
      if (!this.trySend(first) && !first.settled) break;
  }

  private watch(): void {
    if (this.lost !== null) return;
    let types = this.receives.size > 0 ? this.wanted() : nothing;
    if (types.has(0)) types = every;
    const first = this.sends.first?.envelope;
    const room = first === undefined ? 0 : this.queue.sizeOf(headOf(first), first.body);
    const key = `${[...types]} ${room}`;
    if (key === this.watched) return;
    this.watched = key;
    try {
      this.queue.watch(types, room);
    } catch (error) {
      this.fail(error);
    }
  }

  private wanted(): ReadonlySet<number> {
    const types = new Set<number>();
    for (let at = this.receives.first; at !== null; at = at.next as ReceiveOperation | null) {
      if (at.group?.settled) continue;
      const [type] = at.selector?.types ?? [0];
      if (type !== undefined) types.add(type);
    }
    return types;
  }

  private unsupported({ selector }: ReceiveOperation): PigeonholeError | null {
    if (selector === null || selector.types?.length === 0) return null;
    const what = (by: string): string => `mailbox '${this.setup.name}', to receive by ${by}`;
    const transport = { name: this.setup.transport };
    if (selector.from !== null) return lacking(transport, 'selection', what('sender'));
    if (this.setup.api === 'posix') return lacking(transport, 'type', what('type'));
    if ((selector.types?.length ?? 0) > 1) return lacking(transport, 'selection', what('several types'));
    return null;
  }

  private tooLarge(bytes: number): PigeonholeError {
    const { api, name, transport } = this.setup;
    const limit = api === 'posix' ? 'fs.mqueue.msgsize_max' : 'kernel.msgmax';
    const what = `a message of ${bytes} bytes, header included, to mailbox '${name}'`;
    const then = api === 'posix' ? ` and make the queue anew with option messageBytes: ${bytes}` : '';
    if (bytes > sysctl(limit)) return beyond(limit, bytes, what, undefined, then);
    return new PigeonholeError(
      'ERR_TOO_LARGE',
      `${what}: its queue was made for messages of ${this.queue.messageBytes} bytes; make it anew with a larger messageBytes, or a smaller capacity`,
      { transport, address: name },
    );
  }

  private putBack(envelope: Envelope): void {
    const head = headOf(envelope);
    try {
      if (this.queue.send(head, envelope.body, envelope.type, envelope.priority)) return;
    } catch {
      // As if it were full.
    }
    const { name, transport } = this.setup;
    this.setup.warn(
      new PigeonholeError(
        'ERR_NO_SPACE',
        `a message that mailbox '${name}' had no room to take back is lost`,
        {
          transport,
          address: name,
        },
      ),
    );
  }

  private fail(error: unknown): void {
    if (!(error instanceof PigeonholeError)) throw error;
    this.lose(error);
  }

  private lose(error: PigeonholeError): void {
    this.lost = error;
    for (const list of [this.sends, this.receives])
      for (const operation of list.drain()) operation.fail(error);
  }
}
