import {
  type Capacity,
  type Channel,
  isOwned,
  type Lent,
  type Ordering,
  type PigeonholeError,
  type ReceiveOperation,
  type SendOperation,
  type Waiting,
} from '@pigeonhole/core/transport';
import type { ShmBuffers, ShmMailbox } from '@pigeonhole/native';
import { AtOnce } from './at-once.js';
import { fromFault, isFault } from './fault.js';
import { SharedLoan } from './lending.js';
import type { Meeting } from './meeting.js';
import type { Polled, Poller } from './poller.js';
import { NONE, Receives, type Receiving } from './receives.js';
import { type Sending, Sends } from './sends.js';

/** A thread that blocks looks up so often, for the case that somebody died without waking it. */
const BLOCK_SLICE = 100;
export const UNBOUNDED = 0xffff_ffff;

/** One mailbox in shared memory, for all handles that this runtime has of it: its calls that wait, and their end. */
export class SharedMailbox implements Channel, Polled, Receiving, Sending {
  users = 0;
  private settled = false;
  private knownCapacity: Capacity = 0;
  private knownOrdering: Ordering = 'fifo';
  private readonly sends: Sends;
  private readonly receives: Receives;
  readonly atOnce: AtOnce;
  /** Why no call can succeed any more. */
  private dead: Error | null = null;
  private parked = false;
  private polling = false;

  constructor(
    private readonly shared: ShmMailbox,
    readonly name: string,
    readonly tag: number,
    buffers: ShmBuffers,
    private readonly poller: Poller,
    meeting: Meeting,
    private readonly sweepSoon: () => void,
  ) {
    this.sends = new Sends(this, shared, buffers);
    this.receives = new Receives(this, shared, buffers, meeting);
    this.atOnce = new AtOnce(this, this.sends, this.receives, shared, buffers);
  }

  get capacity(): Capacity {
    if (!this.settled) this.readSettings();
    return this.knownCapacity;
  }

  get ordering(): Ordering {
    if (!this.settled) this.readSettings();
    return this.knownOrdering;
  }

  get waiting(): boolean {
    return this.sends.size + this.receives.list.size > 0;
  }

  /** Behind the door. Another handle of this process names what the first had left open; -1 stands for nothing. */
  settle(capacity: number, ordering: number): void {
    try {
      this.shared.settle(capacity, ordering);
      this.readSettings();
    } catch (error) {
      this.fail(error);
    }
  }

  send(operation: SendOperation): void {
    this.sends.start(operation);
    if (!operation.settled) this.look();
    else if (this.receives.list.size > 0) this.poll();
  }

  /** A send has been accepted. Those before it have been, too, and are to hear of it first. */
  sent(): void {
    if (this.sends.posted.size > 0) this.sends.settlePosted();
    if (this.receives.list.size > 0) this.poll();
  }

  receive(operation: ReceiveOperation): void {
    operation.order = NONE;
    const first = this.receives.list.size === 0;
    this.receives.list.push(operation);
    // Those that wait already are served before it.
    if (first) this.guard(operation, this.receives.serve);
    else this.poll();
    if (operation.settled) return;
    if (operation.wait && !operation.begun) {
      this.look();
      return;
    }
    this.receives.list.remove(operation);
    operation.empty();
  }

  lend(size: number): Lent | null {
    if (this.dead !== null) throw this.dead;
    try {
      return SharedLoan.take(this.shared, size);
    } catch (error) {
      if (isFault(error) && error.kind === 'corrupt') this.fail(error);
      throw fromFault(error, `mailbox '${this.name}'`);
    }
  }

  cancelSend(operation: SendOperation): void {
    this.sends.cancel(operation);
  }

  cancelReceive(operation: ReceiveOperation): void {
    // Those before it first: what they have been given was sent before what this one may have been given.
    if ((operation.list as unknown) === this.receives.list) this.poll();
    if (operation.settled) return;
    const wanted = (operation.list as unknown) === this.receives.list && this.receives.wants(operation);
    this.receives.list.remove(operation);
    if (wanted) this.guard(operation, () => this.receives.withdraw(operation));
    if (operation.settled) return;
    operation.withdrawn();
    // Nobody is to wake this process for a call that is gone, and if somebody has, another is to have the chance.
    this.unpark();
    this.passOn();
    this.look();
  }

  waitSync(operation: Waiting, timeout: number): void {
    const receiving = (operation.list as unknown) === this.receives.list;
    const selective = receiving && (operation as unknown as ReceiveOperation).selector !== null;
    const deadline = performance.now() + timeout;
    this.poll();
    if (!operation.settled) this.poller.aboutToBlock();
    for (let first = true; ; first = false) {
      const left = deadline - performance.now();
      if (operation.settled || left <= 0) break;
      const slice = Math.min(left, BLOCK_SLICE);
      const inSharedMemory = receiving
        ? this.capacity === 0
        : (operation.list as unknown) === this.sends.posted;
      const handle = inSharedMemory ? operation.order : NONE;
      this.guard(operation, () => this.shared.block(slice, receiving, selective, handle, first));
      this.poll();
      if (!operation.settled && left > BLOCK_SLICE) this.sweepSoon();
    }
    // While the thread was blocked nobody was to ring the bell for the calls of the event loop.
    this.look();
  }

  poll(): boolean {
    if (this.polling) return false;
    this.polling = true;
    let progress = false;
    try {
      progress = this.sends.settle() || progress;
      progress = this.receives.settle() || progress;
    } catch (error) {
      this.fail(error);
    } finally {
      this.polling = false;
    }
    return progress;
  }

  postAhead(): void {
    try {
      if (!this.polling) this.sends.postAhead();
    } catch (error) {
      this.fail(error);
    }
  }

  linger(): boolean {
    try {
      // At capacity 0 what happens to those that wait is not to be seen from the ledger.
      return this.capacity !== 0 && this.shared.linger();
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  park(): boolean {
    if (!this.waiting) return false;
    this.parked = true;
    try {
      // One that takes anything makes the process wake for anything.
      this.shared.sleep(this.receives.list.size > 0, this.receives.choosy, this.sends.size > 0);
    } catch (error) {
      this.fail(error);
      return false;
    }
    if (!this.poll()) return false;
    this.unpark();
    return this.waiting;
  }

  lookUp(): boolean {
    try {
      // A thousand mailboxes in which receives wait are looked at a thousand times a second. Only where nothing but receives waits for what `changed` sees: own
      // sends wait for more, at capacity 0 so do receives, and those of a select also for its token.
      const simple = this.sends.size === 0 && this.capacity !== 0 && !this.receives.selecting;
      if (simple && !this.shared.changed()) return false;
      if (this.sends.posted.size > 0) this.shared.promote();
    } catch (error) {
      this.fail(error);
    }
    return this.poll();
  }

  /** The bell rang for this mailbox. */
  wakened(): void {
    this.unpark();
    this.poll();
    this.passOn();
    if (this.waiting) this.poller.add(this);
  }

  /** The wake-up for a message may have come here, where no call that takes anything waits any more. */
  private passOn(): void {
    if (!this.receives.choosy) return;
    try {
      this.shared.wakeReceivers();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Behind the door. */
  sweep(): void {
    try {
      if (this.dead === null) {
        this.shared.sweep();
        this.receives.wantAnew();
      }
    } catch (error) {
      this.fail(error);
    }
    this.wakened();
  }

  /** Behind the door. */
  leave(): void {
    this.poller.remove(this);
    try {
      this.shared.leave(isOwned(this.name));
    } catch (error) {
      if (!isFault(error)) throw error;
    }
  }

  /** Runs a step; what it throws is what a call is told. */
  attempt<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      throw this.failure(error);
    }
  }

  private readSettings(): void {
    try {
      // In this order: what is settled when it is read stays what it is.
      this.settled = this.shared.settled;
      const { capacity, byPriority } = this.shared;
      this.knownCapacity = capacity === UNBOUNDED ? 'unbounded' : capacity;
      this.knownOrdering = byPriority ? 'priority' : 'fifo';
    } catch (error) {
      this.fail(error);
    }
  }

  /** It may have been a send of this process, or have made a place for one: nobody else wakes it for that. */
  taken(): void {
    if (this.sends.posted.size > 0) this.look();
  }

  /** Calls wait: sees to it that they are looked after. */
  look(): void {
    if (this.dead !== null || !this.waiting) return;
    this.unpark();
    this.poller.add(this);
  }

  private unpark(): void {
    if (!this.parked) return;
    this.parked = false;
    try {
      this.shared.awake();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Throws why no call can succeed any more. */
  checkAlive(): void {
    if (this.dead !== null) throw this.dead;
  }

  /** Runs a step for one call; what it throws fails the call, and, where the mailbox is damaged, all. */
  guard<T extends Waiting>(operation: T, step: (operation: T) => void): boolean {
    try {
      this.checkAlive();
      step(operation);
      return true;
    } catch (error) {
      operation.fail(this.failure(error));
      if (!isFault(error) && error !== this.dead) throw error;
      return false;
    }
  }

  /** What a call is told that met `error`; where the mailbox is damaged, all calls are. */
  failure(error: unknown): unknown {
    if (!isFault(error)) return error;
    if (error.kind === 'corrupt') this.fail(error);
    return fromFault(error, `mailbox '${this.name}'`);
  }

  private fail(error: unknown): void {
    if (!isFault(error)) throw error;
    const failure = fromFault(error, `mailbox '${this.name}'`) as PigeonholeError;
    if (error.kind === 'corrupt') {
      this.dead = failure;
      this.shared.poison();
    }
    for (const list of [this.sends.posted, this.sends.unposted, this.receives.list])
      for (const operation of list.drain()) operation.fail(failure);
  }
}
