import { Buffer } from 'node:buffer';
import {
  type Capacity,
  CodecId,
  Delivery,
  type Envelope,
  matches,
  OperationList,
  type ReceiveOperation,
  type Selector,
  type Waiting,
} from '@pigeonhole/core/transport';
import { native, type ShmBuffers, type ShmMailbox } from '@pigeonhole/native';
import { isFault } from './fault.js';
import { Field, FRAME, Letter } from './letter.js';
import type { Meeting } from './meeting.js';

const [WAITS, CLAIMED] = [0, 1];
export const [NOTHING, TOO_LARGE] = [0, 2];
/** Selectors kept ready; more make one anew now and then. */
const SELECTORS = 256;
export const NONE = -1;
/** A batch ends with the message that makes it this long: more at a time is memory that no cache holds, and that garbage collections move on. */
export const BATCH_BYTES = 2 ** 20;

/** Of the mailbox that these receives wait for. */
export interface Receiving {
  readonly capacity: Capacity;
  /** Runs a step for one call; what it throws fails the call, and, where the mailbox is damaged, all. */
  guard<T extends Waiting>(operation: T, step: (operation: T) => void): boolean;
  /** A receive has taken a message. */
  taken(): void;
}

/** The receives of one process that wait for a mailbox in shared memory, in the order in which they were called. */
export class Receives {
  readonly list = new OperationList<ReceiveOperation>();
  private readonly addon = native();
  private readonly number: number;
  private readonly selectors = new Map<string, number>();
  private readonly senders: { readonly identity: number; readonly name: string }[] = [];
  /** Whether there was a message for a call that could not claim it just then. */
  private unclear = false;

  constructor(
    private readonly mailbox: Receiving,
    private readonly shared: ShmMailbox,
    private readonly buffers: ShmBuffers,
    private readonly meeting: Meeting,
  ) {
    this.number = shared.number;
  }

  /** Whether none of them takes just anything. */
  get choosy(): boolean {
    for (const { selector } of inOrder(this.list)) if (selector === null) return false;
    return true;
  }

  /** Whether one of them is one of several that a select waits on. */
  get selecting(): boolean {
    for (const { group } of inOrder(this.list)) if (group !== null) return true;
    return false;
  }

  /** A sender may have died after it took the token of a select, and before it gave it anything. */
  wantAnew(): void {
    for (const operation of [...inOrder(this.list)]) {
      if (operation.settled || operation.group === null || !this.wants(operation)) continue;
      this.withdraw(operation);
      if (!operation.settled) this.want(operation);
    }
  }

  settle(): boolean {
    this.unclear = false;
    let progress = this.mailbox.capacity === 0 && this.settleMet();
    for (let next = this.list.first; next !== null; ) {
      const operation = next;
      next = operation.next as ReceiveOperation | null;
      this.mailbox.guard(operation, this.serve);
      if (operation.begun && !operation.settled) operation.empty();
      if (operation.settled) progress = true;
      // Nothing for one that takes anything is nothing for those behind it.
      else if (operation.selector === null && this.mailbox.capacity !== 0) break;
    }
    return progress || this.unclear;
  }

  /** A function of its own, as `guard` wants one: a closure for each look would be garbage. */
  readonly serve = (operation: ReceiveOperation): void => {
    if (takesNothing(operation)) return;
    const meets = this.mailbox.capacity === 0 && operation.wait;
    if (!meets || operation.group !== null) this.fill(operation);
    if (meets && !operation.settled && !operation.begun) this.meet(operation);
  };

  /** Sees to it that senders can meet it, unless there is something for it, which may have come back from one who died. */
  private meet(operation: ReceiveOperation): void {
    if (this.wants(operation)) {
      if (operation.group !== null || !this.shared.available(this.selectorFor(operation.selector))) return;
      this.withdraw(operation);
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
    for (const operation of inOrder(this.list))
      if (this.wants(operation) && this.shared.peek(operation.order))
        found.push({ operation, lane: this.field(Field.lane), order: this.field(Field.order) });
    return found;
  }

  /** Gives the operation what is there. */
  private fill(operation: ReceiveOperation): void {
    const { group } = operation;
    // A select that is over, of which this receive has not been withdrawn yet.
    if (group?.settled) return;
    if (!this.meeting.enter(group)) return;
    const selector = this.selectorFor(operation.selector);
    if (operation.certain && group === null && this.list.first === operation && this.mailbox.capacity !== 0)
      return this.take(operation, selector);
    for (let bytes = 0; !operation.settled && bytes < BATCH_BYTES && this.shared.claim(selector); ) {
      bytes += this.field(Field.length);
      if (!this.deliver(operation)) break;
    }
    if (!operation.settled) this.meeting.leave(group);
  }

  /** Gives the first of the receives a message at one go. */
  private take(operation: ReceiveOperation, selector: number): void {
    const outcome = this.addon.shmReceive(this.number, selector, 0);
    if (outcome === NOTHING) return;
    operation.deliver(outcome === TOO_LARGE ? this.takeApart(0) : this.letter(0, 0));
    this.mailbox.taken();
  }

  private want(operation: ReceiveOperation): void {
    const token = this.meeting.tokenFor(operation.group);
    if (token === null) return;
    const selector = this.selectorFor(operation.selector);
    while (!operation.settled && !operation.begun) {
      const wanted = this.shared.want(selector, token);
      if (wanted === WAITS) {
        operation.order = this.field(Field.handle);
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
  wants(operation: ReceiveOperation): boolean {
    return this.mailbox.capacity === 0 && operation.order !== NONE;
  }

  withdraw(operation: ReceiveOperation): void {
    const withdrawn = this.shared.withdrawWant(operation.order);
    operation.order = NONE;
    if (withdrawn) return;
    this.settleMetBefore();
    this.hand(operation);
    if (operation.begun && !operation.settled) operation.empty();
  }

  /** Gives the claimed message to the first receive that takes it, `operation` being the last; whether it was taken. */
  private deliver(operation: ReceiveOperation): boolean {
    if (this.mailbox.capacity === 0) this.settleMetBefore();
    for (let second = false; ; second = true) {
      const target = this.firstFor(operation);
      if (second && target === operation && !takes(operation, this.claimed())) {
        this.shared.giveBack();
        return true;
      }
      if (target === operation || !this.wants(target)) return this.hand(target);
      const lane = this.field(Field.lane);
      const order = this.field(Field.order);
      const withdrawn = this.shared.withdrawWant(target.order);
      target.order = NONE;
      if (withdrawn) return this.hand(target);
      // A sender has just met it: of the two messages it takes the one that was sent first, the next receive the other.
      if (this.field(Field.lane) === lane && ((this.field(Field.order) - order) | 0) > 0)
        this.shared.swapClaims();
      this.hand(target);
      this.shared.again();
    }
  }

  /** Gives the receives that were met what was sent before the claimed message. */
  private settleMetBefore(): void {
    this.settleMet({ lane: this.field(Field.lane), order: this.field(Field.order) });
    this.shared.again();
  }

  /** The first receive, up to `last`, that takes the claimed message. */
  private firstFor(last: ReceiveOperation): ReceiveOperation {
    if (this.list.first === last) return last;
    const envelope = this.claimed();
    for (const each of inOrder(this.list)) {
      if (each === last) break;
      if (takes(each, envelope) && this.meeting.enter(each.group)) return each;
    }
    return last;
  }

  private hand(operation: ReceiveOperation): boolean {
    if (operation.lend !== undefined && this.lend(operation)) return true;
    const taken = operation.deliver(this.claimed()) !== Delivery.declined;
    if (taken) this.shared.take();
    else this.shared.giveBack();
    if (taken) this.mailbox.taken();
    return taken;
  }

  /** Lets the operation read the claimed message where it lies. `false`: it is to have a copy. */
  private lend(operation: ReceiveOperation): boolean {
    // At capacity 0 its sender waits for the end of the claim, and must not wait for the reader.
    if (operation.settled || this.mailbox.capacity === 0) return false;
    const view = this.shared.claimedView();
    if (view === null) return false;
    const letter = this.describe(0, new Uint8Array(view), 0, false);
    const held = this.shared.hold();
    operation.lend?.(letter, () => {
      this.shared.closeView(view);
      if (this.mailbox.guard(operation, () => this.shared.takeHeld(held))) this.mailbox.taken();
    });
    return true;
  }

  /** Whether a message may be taken for a call that comes now: none may be given to those that wait, and none of those waits to be met. */
  canTake(selector: Selector | null): boolean {
    return this.list.size === 0 && this.mailbox.capacity !== 0 && selector?.types?.length !== 0;
  }

  /** What was claimed last. Its body lies with the others, or is too large for that. */
  private claimed(): Letter {
    return this.field(Field.passed) === 1 ? this.letter(0, 0) : this.apart(0, false);
  }

  private field(field: number): number {
    return this.buffers.frames[field] as number;
  }

  /** What the frame of that number describes, whose body lies there. */
  letter(number: number, at: number): Letter {
    return this.describe(number, this.buffers.incoming, at, false);
  }

  /** Takes what was claimed last, which the frame of that number describes. It is given back if there is no memory for its body. */
  takeApart(number: number): Letter {
    try {
      return this.apart(number, true);
    } catch (error) {
      if (!isFault(error)) this.shared.giveBack();
      throw error;
    }
  }

  /** What was claimed last, with a body of its own where that is what the application is to get, or there is no other room for it. */
  private apart(number: number, take: boolean): Letter {
    const { frames, incoming } = this.buffers;
    const length = frames[number * FRAME + Field.length] as number;
    const own = length > incoming.length || frames[number * FRAME + Field.codec] === CodecId.raw;
    const bytes = own ? Buffer.allocUnsafeSlow(length) : incoming;
    this.shared.body(bytes, take);
    return this.describe(number, bytes, 0, own);
  }

  private describe(number: number, bytes: Uint8Array, at: number, own: boolean): Letter {
    const { frames } = this.buffers;
    const frame = number * FRAME;
    const lane = frames[frame + Field.lane] as number;
    const identity = frames[frame + Field.identity] as number;
    let sender = this.senders[lane];
    if (sender?.identity !== identity) {
      sender = { identity, name: this.shared.senderName(lane) };
      this.senders[lane] = sender;
    }
    return new Letter(
      bytes,
      at,
      frames[frame + Field.length] as number,
      sender.name,
      frames[frame + Field.codec] as number,
      frames[frame + Field.type] as number,
      frames[frame + Field.priority] as number,
      frames[frame + Field.sentAt] as number,
      own,
    );
  }

  selectorFor(selector: Selector | null): number {
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
}

function takes(operation: ReceiveOperation, envelope: Envelope): boolean {
  if (operation.settled || operation.group?.settled || takesNothing(operation)) return false;
  return matches(operation.selector, envelope);
}

/** `type: []` */
function takesNothing({ selector }: ReceiveOperation): boolean {
  return selector?.types?.length === 0;
}

/** In order; the one that is looked at may leave the list. */
export function* inOrder<T extends Waiting>(list: OperationList<T>): Generator<T> {
  let next: T | null = list.first;
  while (next !== null) {
    const operation: T = next;
    next = operation.next as T | null;
    yield operation;
  }
}
