import type { Capacity, Ordering } from './address.js';
import { Backlog, Entry } from './backlog.js';
import { PigeonholeError } from './errors.js';
import { type Envelope, lengthOf, matches, type Selector } from './message.js';
import { Receivers } from './receivers.js';
import type { Channel } from './transport.js';
import { Delivery, type Held, type ReceiveOperation, type SendOperation, type Tracker } from './waiters.js';
import { OperationList } from './waiting.js';

/** A send at capacity 0 whose message another process is looking at. */
class Offer implements Held {
  readonly order: number;

  constructor(readonly operation: SendOperation) {
    this.order = operation.order;
  }
}

/**
 * A mailbox in memory: zero, bounded and unbounded buffering, waiting on both sides, selection, priorities, cancellation.
 * Every mailbox that a process hosts is one, and so is every mailbox of the memory transport.
 *
 * Invariants:
 * - no receive waits while a message that it would take lies in the backlog;
 * - no send waits while there is a place (`used < places`);
 * - `used` counts accepted messages that nobody has taken, those held for another process included;
 * - at capacity 0 the backlog is empty and `used` is 0.
 */
export class Queue implements Channel {
  private readonly places: number;
  private readonly backlog: Backlog;
  private readonly senders = new OperationList<SendOperation>();
  private readonly receivers = new Receivers();
  private used = 0;
  private bytes = 0;
  private sequence = 0;
  private admitting = false;
  private closedBy: (() => Error) | null = null;

  constructor(
    readonly name: string,
    readonly capacity: Capacity,
    readonly ordering: Ordering,
    private readonly maxBytes: number,
  ) {
    this.places = capacity === 'unbounded' ? Infinity : capacity;
    this.backlog = new Backlog(ordering === 'priority');
  }

  /** Messages accepted and not taken. */
  get size(): number {
    return this.used;
  }

  get waitingSenders(): number {
    return this.senders.size;
  }

  get waitingReceivers(): number {
    return this.receivers.size;
  }

  send(operation: SendOperation): void {
    if (this.closedBy !== null) operation.fail(this.closedBy());
    else if (this.places === 0) {
      operation.order = this.sequence++;
      this.meetReceiver(operation);
    } else if (this.senders.size === 0 && this.used < this.places) this.accept(operation);
    else if (operation.wait) this.senders.push(operation);
    else operation.refused();
  }

  /** Whether a message of so many bytes would be accepted at once. */
  hasPlace(bytes: number): boolean {
    return (
      this.closedBy === null &&
      this.places !== 0 &&
      this.senders.size === 0 &&
      this.used < this.places &&
      this.bytes + bytes <= this.maxBytes
    );
  }

  /** Accepts a message for which there is a place (`hasPlace`), without an operation. `tracker` is told when it is received. */
  put(envelope: Envelope, tracker: Tracker | null): void {
    const entry = this.enter(envelope, tracker);
    if (!this.giveToReceiver(entry)) this.backlog.append(entry);
  }

  /** No receive waits for what is there, or it would have been given it. */
  take(selector: Selector | null): Envelope | null {
    if (this.closedBy !== null) return null;
    const entry = this.backlog.find(selector);
    if (entry === null) return null;
    this.backlog.remove(entry);
    this.finish(entry);
    return entry.envelope;
  }

  receive(operation: ReceiveOperation): void {
    if (this.closedBy !== null) return operation.fail(this.closedBy());
    const given = this.places === 0 ? this.meetSenders(operation) : this.giveFromBacklog(operation);
    if (operation.settled) return;
    if (given > 0 || !operation.wait) operation.empty();
    else this.receivers.push(operation);
  }

  cancelSend(operation: SendOperation): void {
    // Not in a list: its message is offered to another process, whose answer decides (`settleHeld`).
    if (operation.list !== null) operation.withdrawn();
  }

  cancelReceive(operation: ReceiveOperation): void {
    operation.withdrawn();
  }

  /** Accepts a message that a former host had accepted: it needs no place and goes before none of its own. */
  adopt(operation: SendOperation): void {
    if (this.places === 0) this.send(operation);
    else this.accept(operation);
  }

  /** The other process has taken the message it was shown (`Delivery.held`), or gives it back. */
  settleHeld(token: Held, taken: boolean): void {
    if (token instanceof Offer) this.settleOffer(token, taken);
    else if (taken) this.finish(token as Entry);
    else this.putBack([token as Entry]);
  }

  /** Several given back at once (their holder died): all return to their places before anyone is served. */
  returnHeld(tokens: Held[]): void {
    for (const token of tokens) if (token instanceof Offer) this.settleOffer(token, false);
    this.putBack(tokens.filter((token) => token instanceof Entry));
  }

  /** Takes out the calls that wait here, without settling them, but for those of which `stays`. */
  surrender(stays: (operation: SendOperation | ReceiveOperation) => boolean): {
    sends: SendOperation[];
    receives: ReceiveOperation[];
  } {
    const take = <T extends SendOperation | ReceiveOperation>(list: {
      push(operation: T): void;
      drain(): T[];
    }): T[] => {
      const all = list.drain();
      for (const operation of all) if (stays(operation)) list.push(operation);
      return all.filter((operation) => !stays(operation));
    };
    return { sends: take(this.senders), receives: take(this.receivers) };
  }

  /** Refuses everything from now on; what waited fails with `reason()`. */
  close(reason: () => Error): void {
    this.closedBy = reason;
    for (const operation of this.senders.drain()) operation.fail(reason());
    for (const operation of this.receivers.drain()) operation.fail(reason());
  }

  /** Once closed: takes out what was accepted and not taken, and is not held, in order. */
  drain(): Entry[] {
    const left = [...this.backlog];
    for (const entry of left) this.backlog.remove(entry);
    return left;
  }

  private accept(operation: SendOperation): void {
    const { envelope } = operation;
    if (this.bytes + lengthOf(envelope) > this.maxBytes)
      return operation.fail(this.noSpace(lengthOf(envelope)));
    const entry = this.enter(envelope, operation.tracker);
    operation.accepted();
    if (!this.giveToReceiver(entry)) this.backlog.append(entry);
  }

  private enter(envelope: Envelope, tracker: Tracker | null): Entry {
    this.used++;
    this.bytes += lengthOf(envelope);
    return new Entry(envelope, this.sequence++, tracker);
  }

  private giveToReceiver(entry: Entry): boolean {
    const { receivers } = this;
    for (
      let receiver = receivers.find(entry.envelope);
      receiver !== null;
      receiver = receivers.find(entry.envelope, receiver.order)
    ) {
      const delivery = receiver.deliver(entry.envelope, entry);
      if (delivery === Delivery.declined) continue;
      if (!receiver.settled) {
        this.receivers.remove(receiver);
        receiver.empty();
      }
      if (delivery === Delivery.taken) this.finish(entry);
      return true;
    }
    return false;
  }

  private giveFromBacklog(operation: ReceiveOperation): number {
    let given = 0;
    while (given < operation.max && !operation.settled) {
      const entry = this.backlog.find(operation.selector);
      if (entry === null) break;
      const delivery = operation.deliver(entry.envelope, entry);
      if (delivery === Delivery.declined) break;
      this.backlog.remove(entry);
      if (delivery === Delivery.taken) this.finish(entry);
      given++;
    }
    return given;
  }

  private finish(entry: Entry): void {
    this.used--;
    this.bytes -= lengthOf(entry.envelope);
    entry.tracker?.received();
    this.admit();
  }

  /**
   * Accepts waiting sends while there is a place. What they free again by being received is seen by the same loop: a chain of
   * waiting senders and receivers must not become a chain of calls.
   */
  private admit(): void {
    if (this.admitting) return;
    this.admitting = true;
    while (this.senders.first !== null && this.used < this.places)
      this.accept(this.senders.shift() as SendOperation);
    this.admitting = false;
  }

  /** All are served before a waiting send is accepted: it may be of the same sender, and come after. */
  private putBack(entries: Entry[]): void {
    const ordered = this.backlog.restore(entries);
    if (this.receivers.size === 0) return;
    this.admitting = true;
    for (const entry of ordered) if (this.giveToReceiver(entry)) this.backlog.remove(entry);
    this.admitting = false;
    this.admit();
  }

  private meetReceiver(operation: SendOperation): void {
    const { receivers } = this;
    for (
      let receiver = receivers.find(operation.envelope);
      receiver !== null;
      receiver = receivers.find(operation.envelope, receiver.order)
    ) {
      if (!this.show(operation, receiver)) continue;
      if (!receiver.settled) {
        this.receivers.remove(receiver);
        receiver.empty();
      }
      return;
    }
    if (operation.cancelling) operation.withdrawn();
    else if (operation.wait) this.waitInOrder(operation);
    else operation.refused();
  }

  private meetSenders(operation: ReceiveOperation): number {
    let given = 0;
    while (given < operation.max && !operation.settled) {
      const sender = this.firstSender(operation);
      if (sender === null || !this.show(sender, operation)) break;
      given++;
    }
    return given;
  }

  /** Capacity 0: a sender whose offer came back stands where it stood. */
  private waitInOrder(operation: SendOperation): void {
    const later: SendOperation[] = [];
    for (
      let last = this.senders.last;
      last !== null && last.order > operation.order;
      last = this.senders.last
    ) {
      this.senders.remove(last);
      later.push(last);
    }
    this.senders.push(operation);
    for (let back = later.pop(); back !== undefined; back = later.pop()) this.senders.push(back);
  }

  private firstSender(receiver: ReceiveOperation): SendOperation | null {
    let best: SendOperation | null = null;
    for (let at = this.senders.first; at !== null; at = at.next as SendOperation | null) {
      if (!matches(receiver.selector, at.envelope)) continue;
      if (this.ordering === 'fifo') return at;
      if (best === null || at.envelope.priority > best.envelope.priority) best = at;
    }
    return best;
  }

  /** Capacity 0: hands a sender's message to a receiver. False when the receiver no longer wants it. */
  private show(sender: SendOperation, receiver: ReceiveOperation): boolean {
    const delivery = receiver.deliver(sender.envelope, new Offer(sender));
    if (delivery === Delivery.declined) return false;
    this.senders.remove(sender);
    if (delivery === Delivery.taken) {
      sender.accepted();
      sender.tracker?.received();
    }
    return true;
  }

  private settleOffer(offer: Offer, taken: boolean): void {
    const { operation } = offer;
    if (operation.settled) return;
    if (taken) {
      operation.accepted();
      operation.tracker?.received();
    } else if (this.closedBy !== null) operation.fail(this.closedBy());
    else this.meetReceiver(operation);
  }

  private noSpace(length: number): PigeonholeError {
    return new PigeonholeError(
      'ERR_NO_SPACE',
      `mailbox '${this.name}' holds ${this.bytes} bytes in ${this.used} messages; ${length} more exceed its limit of ${this.maxBytes} bytes ` +
        '(limits.maxBytes, or mailboxes.<name>.maxBytes); receive some, or raise the limit',
      { address: this.name },
    );
  }
}
