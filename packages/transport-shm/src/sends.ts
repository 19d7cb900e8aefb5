import { type Capacity, OperationList, type SendOperation, type Waiting } from '@pigeonhole/core/transport';
import type { ShmBuffers, ShmMailbox } from '@pigeonhole/native';
import { isFault } from './fault.js';
import type { SharedLoan } from './lending.js';
import { Field } from './letter.js';
import { inOrder } from './receives.js';

export const [ACCEPTED, REFUSED] = [0, 1];
const Outcome = { pending: 0, accepted: 1, withdrawn: 2 } as const;
/**
 * Sends of this process that wait in shared memory, at capacity 0 or while its thread is blocked, and otherwise; the others wait here, in order, and move up. At capacity 0 receivers
 * choose among those that wait. Elsewhere one is enough to be given the next place; each costs a second change of the ledger.
 */
const [MOST_POSTED, POSTED] = [1024, 16];
/** Sends that move up together, if there are places. */
const RUN = 256;

/** Of the mailbox that these sends wait for. */
export interface Sending {
  readonly capacity: Capacity;
  /** Runs a step for one call; what it throws fails the call, and, where the mailbox is damaged, all. */
  guard<T extends Waiting>(operation: T, step: (operation: T) => void): boolean;
  /** Calls wait: sees to it that they are looked after. */
  look(): void;
}

/** The sends of one process that wait for a mailbox in shared memory, in the order in which they were called. */
export class Sends {
  /** Those that wait in shared memory. */
  readonly posted = new OperationList<SendOperation>();
  /** Those behind them. */
  readonly unposted = new OperationList<SendOperation>();

  constructor(
    private readonly mailbox: Sending,
    private readonly shared: ShmMailbox,
    private readonly buffers: ShmBuffers,
  ) {}

  get size(): number {
    return this.posted.size + this.unposted.size;
  }

  /** Whether sends wait here for the earlier ones to be posted. */
  get queue(): boolean {
    return this.unposted.size > 0 || this.posted.size >= this.mostPosted;
  }

  private get mostPosted(): number {
    return this.mailbox.capacity === 0 ? MOST_POSTED : POSTED;
  }

  /** Settles a send, or keeps it. */
  start(operation: SendOperation): void {
    if (operation.wait && this.queue) this.unposted.push(operation);
    else
      this.mailbox.guard(operation, () => {
        if (!operation.wait && this.refuseTries()) operation.refused();
        else this.post(operation);
      });
  }

  /**
   * Whether sends wait here, before which no `try` is to go, though there may be places that others have just freed. Runs nothing of the
   * application's: the body of the `try` lies where all bodies are put.
   */
  refuseTries(): boolean {
    if (this.unposted.size === 0 || this.mailbox.capacity === 0) return false;
    // Who has freed a place may have been stopped before it gave it to one of those that wait.
    this.shared.promote();
    this.settle();
    return this.unposted.size > 0;
  }

  /** Puts a send behind those that wait here. */
  enqueue(operation: SendOperation): SendOperation {
    this.unposted.push(operation);
    this.mailbox.look();
    return operation;
  }

  /** A send waits in shared memory, under the handle that the first frame has. */
  keep(operation: SendOperation): SendOperation {
    operation.order = this.buffers.frames[Field.handle] as number;
    this.posted.push(operation);
    this.mailbox.look();
    return operation;
  }

  cancel(operation: SendOperation): void {
    if ((operation.list as unknown) === this.unposted) operation.withdrawn();
    else this.mailbox.guard(operation, () => this.withdraw(operation));
  }

  /** Settles what can be settled; whether anything could. */
  settle(): boolean {
    let progress = this.settlePosted();
    // When all that were posted have their places, there may be more, for many at once.
    if (this.posted.size > 0 && this.mailbox.capacity !== 0) return progress;
    while (this.unposted.first !== null && this.posted.size < this.mostPosted) {
      progress = true;
      if (this.posted.size === 0 && this.sendRun(this.unposted.first)) continue;
      this.postFirst(this.unposted.first);
    }
    return progress;
  }

  /** Posts as many as may be: others give them their places while this thread cannot. */
  postAhead(): void {
    while (this.unposted.first !== null && this.posted.size < MOST_POSTED)
      this.postFirst(this.unposted.first);
  }

  private postFirst(operation: SendOperation): void {
    this.unposted.remove(operation);
    this.mailbox.guard(operation, () => this.post(operation));
  }

  settlePosted(): boolean {
    let progress = false;
    for (let next = this.posted.first; next !== null; ) {
      const operation = next;
      next = operation.next as SendOperation | null;
      if (this.shared.sendOutcome(operation.order) === Outcome.accepted) operation.accepted();
      else if (operation.cancelling) this.withdraw(operation);
      // Places are given in order, but at capacity 0 receivers choose.
      else if (this.mailbox.capacity !== 0) break;
      if (operation.settled) progress = true;
    }
    return progress;
  }

  private post(operation: SendOperation): void {
    const sent = operation.lent === null ? this.postCopy(operation) : this.postLoan(operation);
    if (sent === ACCEPTED) {
      // Those before it have been accepted, too, and are to hear of it first.
      this.settlePosted();
      operation.accepted();
    } else if (sent === REFUSED) operation.refused();
    else this.keep(operation);
  }

  private postCopy({ envelope, wait }: SendOperation): number {
    const { body, codec, type, priority, sentAt } = envelope;
    return this.shared.send(body, codec, type, priority, sentAt, wait);
  }

  private postLoan({ envelope, lent, wait }: SendOperation): number {
    const { codec, type, priority, sentAt } = envelope;
    const loan = lent as SharedLoan;
    const sent = this.shared.sendLoan(loan.number, codec, type, priority, sentAt, wait);
    if (sent !== REFUSED) loan.sent();
    return sent;
  }

  /** Sends `first` and those behind it that differ from it in nothing but their bodies, as far as there are places: whether there was one. */
  private sendRun({ envelope: { codec, type, priority, sentAt } }: SendOperation): boolean {
    const bodies: Uint8Array[] = [];
    for (const { envelope, lent } of inOrder(this.unposted)) {
      const alike = envelope.codec === codec && envelope.type === type && envelope.priority === priority;
      if (!alike || envelope.sentAt !== sentAt || lent !== null || bodies.length === RUN) break;
      bodies.push(envelope.body);
    }
    let sent = 0;
    try {
      if (bodies.length > 1) sent = this.shared.sendSome(bodies, codec, type, priority, sentAt);
    } catch (error) {
      // The first, posted by itself, meets it too, and is told.
      if (!isFault(error)) throw error;
    }
    for (let count = sent; count > 0; count--) this.unposted.shift()?.accepted();
    return sent > 0;
  }

  private withdraw(operation: SendOperation): void {
    const outcome = this.shared.withdrawSend(operation.order);
    if (outcome === Outcome.withdrawn) operation.withdrawn();
    else if (outcome === Outcome.accepted) operation.accepted();
    else this.mailbox.look();
  }
}
