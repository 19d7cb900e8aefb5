import type { Capacity, Ordering } from '../src/address.js';
import { type Envelope, matches, type Selector } from '../src/message.js';

interface ModelMessage {
  readonly id: number;
  readonly sequence: number;
  readonly envelope: Envelope;
}

interface ModelSend {
  readonly id: number;
  readonly envelope: Envelope;
  readonly wait: boolean;
  readonly order: number;
}

interface ModelReceive {
  readonly id: number;
  readonly selector: Selector | null;
  readonly holds: boolean;
  readonly max: number;
  got: number;
}

/** What a queue is to do, written as plainly as possible: arrays, searched from the front. */
export class QueueModel {
  backlog: ModelMessage[] = [];
  senders: ModelSend[] = [];
  receivers: ModelReceive[] = [];
  /** Held by a receive, by message: what returns there. */
  readonly held = new Map<number, ModelMessage | ModelSend>();
  readonly sends = new Map<number, string>();
  readonly receives = new Map<number, string>();
  readonly gotBy = new Map<number, number[]>();
  used = 0;
  bytes = 0;
  private sequence = 0;
  private closed = false;
  /** False while messages that were given back are being served. */
  private admits = true;
  private readonly places: number;

  constructor(
    capacity: Capacity,
    private readonly ordering: Ordering,
    private readonly maxBytes: number,
  ) {
    this.places = capacity === 'unbounded' ? Infinity : capacity;
  }

  send(id: number, envelope: Envelope, wait: boolean): void {
    const send = { id, envelope, wait, order: this.sequence };
    if (this.closed) this.sends.set(id, 'closed');
    else if (this.places === 0) {
      this.sequence++;
      this.offer(send);
    } else if (this.senders.length === 0 && this.used < this.places) this.accept(send);
    else if (wait) this.senders.push(send);
    else this.sends.set(id, 'refused');
  }

  receive(id: number, selector: Selector | null, max: number, wait: boolean, holds: boolean): void {
    const receive = { id, selector, max, holds, got: 0 };
    this.gotBy.set(id, []);
    if (this.closed) return void this.receives.set(id, 'failed');
    while (receive.got < max && this.takeOne(receive));
    if (receive.got === max) this.receives.set(id, 'full');
    else if (receive.got > 0 || !wait) this.receives.set(id, 'empty');
    else this.receivers.push(receive);
  }

  cancelSend(id: number): void {
    if (!this.senders.some((send) => send.id === id)) return;
    this.senders = this.senders.filter((send) => send.id !== id);
    this.sends.set(id, 'withdrawn');
  }

  cancelReceive(id: number): void {
    this.receivers = this.receivers.filter((receive) => receive.id !== id);
    this.receives.set(id, 'withdrawn');
  }

  settle(id: number, taken: boolean): void {
    if (taken) {
      const held = this.held.get(id) as ModelMessage | ModelSend;
      this.held.delete(id);
      if ('sequence' in held) this.gone(held);
      else this.sends.set(id, 'accepted');
    } else this.giveBack([id]);
  }

  giveBack(ids: number[]): void {
    const back = ids.map((id) => this.held.get(id) as ModelMessage | ModelSend);
    for (const id of ids) this.held.delete(id);
    for (const held of back)
      if (!('sequence' in held)) {
        if (this.closed) this.sends.set(held.id, 'closed');
        else this.offer(held);
      }
    for (const held of back) if ('sequence' in held) this.insert(held);
    this.admits = false;
    for (const message of [...this.backlog]) if (back.includes(message)) this.serve(message);
    this.admits = true;
    this.admit();
  }

  close(): void {
    this.closed = true;
    for (const send of this.senders) this.sends.set(send.id, 'closed');
    for (const receive of this.receivers) this.receives.set(receive.id, 'failed');
    this.senders = [];
    this.receivers = [];
  }

  private accept(send: ModelSend): void {
    const { length } = send.envelope.body;
    if (this.bytes + length > this.maxBytes) return void this.sends.set(send.id, 'ERR_NO_SPACE');
    this.sends.set(send.id, 'accepted');
    this.used++;
    this.bytes += length;
    const message = { id: send.id, sequence: this.sequence++, envelope: send.envelope };
    this.insert(message);
    this.serve(message);
  }

  private insert(message: ModelMessage): void {
    this.backlog.push(message);
    this.backlog.sort(
      (a, b) =>
        (this.ordering === 'priority' ? b.envelope.priority - a.envelope.priority : 0) ||
        a.sequence - b.sequence,
    );
  }

  private serve(message: ModelMessage): void {
    const receive = this.receivers.find(({ selector }) => matches(selector, message.envelope));
    if (receive === undefined) return;
    this.receivers = this.receivers.filter((each) => each !== receive);
    this.receives.set(receive.id, receive.max === 1 ? 'full' : 'empty');
    this.hand(message, receive);
  }

  /** A message of the backlog to a receive. */
  private hand(message: ModelMessage, receive: ModelReceive): void {
    this.backlog = this.backlog.filter((each) => each !== message);
    receive.got++;
    this.gotBy.get(receive.id)?.push(message.id);
    if (receive.holds) this.held.set(message.id, message);
    else this.gone(message);
  }

  private gone(message: ModelMessage): void {
    this.used--;
    this.bytes -= message.envelope.body.length;
    this.admit();
  }

  private admit(): void {
    while (this.admits && this.senders.length > 0 && this.used < this.places)
      this.accept(this.senders.shift() as ModelSend);
  }

  private takeOne(receive: ModelReceive): boolean {
    if (this.places > 0) {
      const message = this.backlog.find(({ envelope }) => matches(receive.selector, envelope));
      if (message !== undefined) this.hand(message, receive);
      return message !== undefined;
    }
    const willing = this.senders.filter(({ envelope }) => matches(receive.selector, envelope));
    if (this.ordering === 'priority') willing.sort((a, b) => b.envelope.priority - a.envelope.priority);
    const [send] = willing;
    if (send !== undefined) this.meet(send, receive);
    return send !== undefined;
  }

  private offer(send: ModelSend): void {
    const receive = this.receivers.find(({ selector }) => matches(selector, send.envelope));
    if (receive !== undefined) {
      this.receivers = this.receivers.filter((each) => each !== receive);
      this.receives.set(receive.id, receive.max === 1 ? 'full' : 'empty');
      this.meet(send, receive);
    } else if (send.wait) {
      this.senders.push(send);
      this.senders.sort((a, b) => a.order - b.order);
    } else this.sends.set(send.id, 'refused');
  }

  private meet(send: ModelSend, receive: ModelReceive): void {
    this.senders = this.senders.filter((each) => each !== send);
    receive.got++;
    this.gotBy.get(receive.id)?.push(send.id);
    if (receive.holds) this.held.set(send.id, send);
    else this.sends.set(send.id, 'accepted');
  }
}
