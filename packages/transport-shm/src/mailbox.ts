import {
  type Capacity,
  type Channel,
  Delivery,
  type Envelope,
  isOwned,
  matches,
  OperationList,
  type Ordering,
  type PigeonholeError,
  type ReceiveOperation,
  type Selector,
  type SendOperation,
  type Waiting,
} from '@pigeonhole/core/transport';
import type { ShmMailbox } from '@pigeonhole/native';
import { fromFault, isFault } from './fault.js';
import type { Meeting } from './meeting.js';
import type { Polled, Poller } from './poller.js';

const [ACCEPTED, REFUSED] = [0, 1];
const [WAITS, CLAIMED] = [0, 1];
const Outcome = { pending: 0, accepted: 1, withdrawn: 2 } as const;
/** Sends of this process that wait in shared memory; the others wait here, in order, and move up. */
const POSTED = 1024;
/** Selectors kept ready; more make one anew now and then. */
const SELECTORS = 256;
/** A thread that blocks looks up so often, for the case that somebody died without waking it. */
const BLOCK_SLICE = 100;
const NONE = -1;
export const UNBOUNDED = 0xffff_ffff;

/** One mailbox in shared memory, for all handles that this runtime has of it: its calls that wait, and their end. */
export class SharedMailbox implements Channel, Polled {
  users = 0;
  private settled = false;
  private knownCapacity: Capacity = 0;
  private knownOrdering: Ordering = 'fifo';
  private readonly posted = new OperationList<SendOperation>();
  private readonly unposted = new OperationList<SendOperation>();
  private readonly receives = new OperationList<ReceiveOperation>();
  private readonly selectors = new Map<string, number>();
  private readonly senders: { readonly identity: number; readonly name: string }[] = [];
  /** Why no call can succeed any more. */
  private dead: Error | null = null;
  private parked = false;
  private polling = false;
  /** Whether there was a message for a call that could not claim it just then. */
  private unclear = false;

  constructor(
    private readonly shared: ShmMailbox,
    readonly name: string,
    readonly tag: number,
    private readonly scratch: Uint8Array,
    private readonly frame: Float64Array,
    private readonly poller: Poller,
    private readonly meeting: Meeting,
    private readonly sweepSoon: () => void,
  ) {}

  get capacity(): Capacity {
    if (!this.settled) this.readSettings();
    return this.knownCapacity;
  }

  get ordering(): Ordering {
    if (!this.settled) this.readSettings();
    return this.knownOrdering;
  }

  get waiting(): boolean {
    return this.posted.size + this.unposted.size + this.receives.size > 0;
  }

  /** Behind the door. Another handle of this process names what the first had left open; -1 stands for nothing. */
  settle(capacity: number, ordering: number): void {
    try {
      if (!this.settled) this.shared.settle(capacity, ordering);
    } catch (error) {
      this.fail(error);
    }
  }

  send(operation: SendOperation): void {
    // What waits here was sent before.
    if (operation.wait && (this.unposted.size > 0 || this.posted.size >= POSTED))
      this.unposted.push(operation);
    else this.post(operation);
    if (!operation.settled) this.look();
    else if (this.receives.size > 0) this.poll();
  }

  receive(operation: ReceiveOperation): void {
    operation.order = NONE;
    const first = this.receives.size === 0;
    this.receives.push(operation);
    // Those that wait already are served before it.
    if (first) this.guard(operation, () => this.serve(operation));
    else this.poll();
    if (operation.settled) return;
    if (operation.wait && !operation.begun) {
      this.look();
      return;
    }
    this.receives.remove(operation);
    operation.empty();
  }

  cancelSend(operation: SendOperation): void {
    if ((operation.list as unknown) === this.unposted) operation.withdrawn();
    else this.guard(operation, () => this.withdrawSend(operation));
  }

  cancelReceive(operation: ReceiveOperation): void {
    // Those before it first: what they have been given was sent before what this one may have been given.
    if ((operation.list as unknown) === this.receives) this.poll();
    if (operation.settled) return;
    const wanted = (operation.list as unknown) === this.receives && this.wants(operation);
    this.receives.remove(operation);
    if (wanted) this.guard(operation, () => this.withdrawWant(operation));
    if (operation.settled) return;
    operation.withdrawn();
    // Nobody is to wake this process for a call that is gone, and if somebody has, another is to have the chance.
    this.unpark();
    this.passOn();
    this.look();
  }

  waitSync(operation: Waiting, timeout: number): void {
    const receiving = (operation.list as unknown) === this.receives;
    const selective = receiving && (operation as unknown as ReceiveOperation).selector !== null;
    const deadline = performance.now() + timeout;
    this.poll();
    for (;;) {
      const left = deadline - performance.now();
      if (operation.settled || left <= 0) break;
      const slice = Math.min(left, BLOCK_SLICE);
      const inSharedMemory = receiving ? this.capacity === 0 : (operation.list as unknown) === this.posted;
      const handle = inSharedMemory ? operation.order : NONE;
      this.guard(operation, () => this.shared.block(slice, receiving, selective, handle));
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
      progress = this.settleSends() || progress;
      progress = this.settleReceives() || progress;
    } catch (error) {
      this.fail(error);
    } finally {
      this.polling = false;
    }
    return progress;
  }

  park(): boolean {
    if (!this.waiting) return false;
    this.parked = true;
    try {
      // One that takes anything makes the process wake for anything.
      let choosy = true;
      for (
        let each = this.receives.first;
        each !== null && choosy;
        each = each.next as ReceiveOperation | null
      )
        choosy = each.selector !== null;
      this.shared.sleep(this.receives.size > 0, choosy, this.posted.size + this.unposted.size > 0);
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
      if (this.posted.size > 0) this.shared.promote();
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
    for (const operation of this.each(this.receives)) if (operation.selector === null) return;
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
        this.wantAnew();
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

  /** A sender may have died after it took the token of a select, and before it gave it anything. */
  private wantAnew(): void {
    for (const operation of [...this.each(this.receives)]) {
      if (operation.settled || operation.group === null || !this.wants(operation)) continue;
      this.withdrawWant(operation);
      if (!operation.settled) this.want(operation);
    }
  }

  private post(operation: SendOperation): void {
    const { body, codec, type, priority, sentAt } = operation.envelope;
    this.guard(operation, () => {
      const sent = this.shared.send(body, codec, type, priority, sentAt, operation.wait);
      if (sent === ACCEPTED) {
        // Those before it have been accepted, too, and are to hear of it first.
        this.settlePosted();
        operation.accepted();
      } else if (sent === REFUSED) operation.refused();
      else {
        operation.order = this.frame[0] as number;
        this.posted.push(operation);
      }
    });
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

  private withdrawSend(operation: SendOperation): void {
    const outcome = this.shared.withdrawSend(operation.order);
    if (outcome === Outcome.withdrawn) operation.withdrawn();
    else if (outcome === Outcome.accepted) operation.accepted();
    else this.look();
  }

  private settlePosted(): boolean {
    let progress = false;
    for (const operation of this.each(this.posted)) {
      if (this.shared.sendOutcome(operation.order) === Outcome.accepted) operation.accepted();
      else if (operation.cancelling) this.withdrawSend(operation);
      // Places are given in order, but at capacity 0 receivers choose.
      else if (this.capacity !== 0) break;
      if (operation.settled) progress = true;
    }
    return progress;
  }

  private settleSends(): boolean {
    let progress = this.settlePosted();
    while (this.unposted.first !== null && this.posted.size < POSTED) {
      const operation = this.unposted.first;
      this.unposted.remove(operation);
      this.post(operation);
      progress = true;
    }
    return progress;
  }

  private settleReceives(): boolean {
    this.unclear = false;
    let progress = this.capacity === 0 && this.settleMet();
    for (const operation of this.each(this.receives)) {
      this.guard(operation, () => this.serve(operation));
      if (operation.begun && !operation.settled) operation.empty();
      if (operation.settled) progress = true;
      // Nothing for one that takes anything is nothing for those behind it.
      else if (operation.selector === null && this.capacity !== 0) break;
    }
    return progress || this.unclear;
  }

  private serve(operation: ReceiveOperation): void {
    if (takesNothing(operation)) return;
    const meets = this.capacity === 0 && operation.wait;
    if (!meets || operation.group !== null) this.fill(operation);
    if (meets && !operation.settled && !operation.begun) this.meet(operation);
  }

  /** Sees to it that senders can meet it, unless there is something for it, which may have come back from one who died. */
  private meet(operation: ReceiveOperation): void {
    if (this.wants(operation)) {
      if (operation.group !== null || !this.shared.available(this.selectorFor(operation.selector))) return;
      this.withdrawWant(operation);
    }
    if (!operation.settled && !operation.begun) this.want(operation);
  }

  /**
   * Gives the receives that were met their messages, each sender's in order, but none that was sent after `before`.
   *
   * Looks twice: while it looks, a sender may meet one that was looked at already and then one that was not. What was
   * sent before anything that the first look has found, the second finds.
   */
  private settleMet(before?: { readonly lane: number; readonly order: number }): boolean {
    const first = this.met();
    if (first.length === 0) return false;
    const last = new Map<number, number>();
    for (const { lane, order } of first) {
      const known = last.get(lane);
      if (known === undefined || ((order - known) | 0) > 0) last.set(lane, order);
    }
    if (before !== undefined) last.set(before.lane, before.order);
    const due = this.met().filter(({ lane, order }) => {
      const limit = last.get(lane);
      return limit !== undefined && ((order - limit) | 0) <= 0;
    });
    due.sort((a, b) => (a.lane === b.lane ? (a.order - b.order) | 0 : 0));
    for (const { operation } of due) {
      if (operation.settled || !this.shared.met(operation.order)) continue;
      operation.order = NONE;
      this.hand(operation);
    }
    return due.length > 0;
  }

  private met(): { operation: ReceiveOperation; lane: number; order: number }[] {
    const found = [];
    for (const operation of this.each(this.receives))
      if (this.wants(operation) && this.shared.peek(operation.order))
        found.push({ operation, lane: this.frame[6] as number, order: this.frame[8] as number });
    return found;
  }

  /** In order; the one that is looked at may leave the list. */
  private *each<T extends Waiting>(list: OperationList<T>): Generator<T> {
    let next: T | null = list.first;
    while (next !== null) {
      const operation: T = next;
      next = operation.next as T | null;
      yield operation;
    }
  }

  /** Gives the operation what is there. */
  private fill(operation: ReceiveOperation): void {
    const { group } = operation;
    // A select that is over, of which this receive has not been withdrawn yet.
    if (group?.settled) return;
    if (!this.meeting.enter(group)) return;
    const selector = this.selectorFor(operation.selector);
    while (!operation.settled && this.shared.claim(selector)) if (!this.deliver(operation)) break;
    if (!operation.settled) this.meeting.leave(group);
  }

  private want(operation: ReceiveOperation): void {
    const token = this.meeting.tokenFor(operation.group);
    if (token === null) return;
    const selector = this.selectorFor(operation.selector);
    while (!operation.settled && !operation.begun) {
      const wanted = this.shared.want(selector, token);
      if (wanted === WAITS) {
        operation.order = this.frame[0] as number;
        return;
      }
      if (wanted === CLAIMED) this.deliver(operation);
      else {
        // A select claims only with its token, which a sender may hold just now.
        this.fill(operation);
        this.unclear = !operation.settled;
        return;
      }
    }
  }

  /** Whether it waits where senders can meet it. */
  private wants(operation: ReceiveOperation): boolean {
    return this.capacity === 0 && operation.order !== NONE;
  }

  private withdrawWant(operation: ReceiveOperation): void {
    const withdrawn = this.shared.withdrawWant(operation.order);
    operation.order = NONE;
    if (withdrawn) return;
    this.settleMetBefore();
    this.hand(operation);
    if (operation.begun && !operation.settled) operation.empty();
  }

  /** Gives the claimed message to the first receive that takes it, `operation` being the last; whether it was taken. */
  private deliver(operation: ReceiveOperation): boolean {
    if (this.capacity === 0) this.settleMetBefore();
    for (let second = false; ; second = true) {
      const target = this.firstFor(operation);
      if (second && target === operation && !takes(operation, this.claimed())) {
        this.shared.giveBack();
        return true;
      }
      if (target === operation || !this.wants(target)) return this.hand(target);
      const lane = this.frame[6] as number;
      const order = this.frame[8] as number;
      const withdrawn = this.shared.withdrawWant(target.order);
      target.order = NONE;
      if (withdrawn) return this.hand(target);
      // A sender has just met it: of the two messages it takes the one that was sent first, the next receive the other.
      if (this.frame[6] === lane && (((this.frame[8] as number) - order) | 0) > 0) this.shared.swapClaims();
      this.hand(target);
      this.shared.again();
    }
  }

  /** Gives the receives that were met what was sent before the claimed message. */
  private settleMetBefore(): void {
    this.settleMet({ lane: this.frame[6] as number, order: this.frame[8] as number });
    this.shared.again();
  }

  /** The first receive, up to `last`, that takes the claimed message. */
  private firstFor(last: ReceiveOperation): ReceiveOperation {
    if (this.receives.first === last) return last;
    const envelope = this.claimed();
    for (const each of this.each(this.receives)) {
      if (each === last) break;
      if (takes(each, envelope) && this.meeting.enter(each.group)) return each;
    }
    return last;
  }

  private hand(operation: ReceiveOperation): boolean {
    const taken = operation.deliver(this.claimed()) !== Delivery.declined;
    if (taken) this.shared.take();
    else this.shared.giveBack();
    // It may have been a send of this process, or have made a place for one: nobody else wakes it for that.
    if (this.posted.size > 0) this.look();
    return taken;
  }

  private claimed(): Envelope {
    const { frame } = this;
    const length = frame[1] as number;
    const lane = frame[6] as number;
    const identity = frame[7] as number;
    const body = length <= this.scratch.length ? this.scratch.subarray(0, length) : this.shared.body();
    let sender = this.senders[lane];
    if (sender?.identity !== identity) {
      sender = { identity, name: this.shared.senderName(lane) };
      this.senders[lane] = sender;
    }
    return {
      body,
      codec: frame[2] as number,
      from: sender.name,
      type: frame[3] as number,
      priority: frame[4] as number,
      sentAt: frame[5] as number,
    };
  }

  private selectorFor(selector: Selector | null): number {
    if (selector === null) return NONE;
    const key = `${selector.types?.join() ?? ''}|${selector.from ?? ''}`;
    let number = this.selectors.get(key);
    if (number === undefined) {
      if (this.selectors.size >= SELECTORS) {
        const [oldest, freed] = this.selectors.entries().next().value as [string, number];
        this.selectors.delete(oldest);
        this.shared.dropSelector(freed);
      }
      number = this.shared.selector(selector.types && Uint32Array.from(selector.types), selector.from);
      this.selectors.set(key, number);
    }
    return number;
  }

  /** Calls wait: sees to it that they are looked after. */
  private look(): void {
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

  /** Runs a step for one call; what it throws fails the call, and, where the mailbox is damaged, all. */
  private guard(operation: Waiting, step: () => void): boolean {
    if (this.dead !== null) {
      operation.fail(this.dead);
      return false;
    }
    try {
      step();
      return true;
    } catch (error) {
      operation.fail(fromFault(error, `mailbox '${this.name}'`));
      if (isFault(error) && error.kind === 'corrupt') this.fail(error);
      else if (!isFault(error)) throw error;
      return false;
    }
  }

  private fail(error: unknown): void {
    if (!isFault(error)) throw error;
    const failure = fromFault(error, `mailbox '${this.name}'`) as PigeonholeError;
    if (error.kind === 'corrupt') {
      this.dead = failure;
      this.shared.poison();
    }
    for (const list of [this.posted, this.unposted, this.receives])
      for (const operation of list.drain()) operation.fail(failure);
  }
}

function takes(operation: ReceiveOperation, envelope: Envelope): boolean {
  if (operation.settled || operation.group?.settled || takesNothing(operation)) return false;
  return matches(operation.selector, envelope);
}

/** `type: []` */
function takesNothing({ selector }: ReceiveOperation): boolean {
  return selector?.types?.length === 0;
}
