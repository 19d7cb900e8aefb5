import { PigeonholeError } from '../errors.js';
import { Kind, Reject } from '../framing.js';
import { type Envelope, lengthOf, type Selector } from '../message.js';
import type { Queue } from '../queue.js';
import { Delivery, type Held, ReceiveOperation, SendOperation, type Tracker } from '../waiters.js';
import { Numbered } from './numbered.js';
import type { Session } from './session.js';

/** The mailbox is being given up: whoever waits is to look for the next host. Never shown to a caller. */
export class Moved extends Error {}

/** How long a count of received messages may wait for a frame to ride on (milliseconds). */
const PROGRESS_DELAY = 20;

/** Body bytes of sends that wait for space, over all channels of one link: beyond it the other side ignores its window. */
const MAX_WAITING_BYTES = 512 * 1024 * 1024;

/** A mailbox that this process hosts, as one channel of one link sees it. */
export class Served implements Tracker {
  /** The other side has receivers: it may inherit the mailbox. */
  receives = false;
  /** Messages of the other side that a former host had accepted and that are not received: it was told of them when it opened. */
  adopted = 0;
  private readonly sends = new Numbered<RemoteSend>();
  private readonly pulls = new Numbered<RemotePull>();
  private readonly held = new Numbered<Held>();
  /** Deliveries given back so far: the other side learns from it which of its returns this side has seen. */
  private returned = 0;
  private acceptFrom = 0;
  private acceptCount = 0;
  private receivedCount = 0;
  private receivedTold = 0;
  private progressTimer: NodeJS.Timeout | null = null;

  constructor(
    readonly session: Session,
    readonly channel: number,
    readonly queue: Queue,
    private readonly onDown: (served: Served) => void,
    /** False for an inbox: its process alone receives from it (R2). */
    private readonly shared: boolean,
  ) {}

  send(number: number, envelope: Envelope, wait: boolean): void {
    if (this.sends.get(number) !== undefined) throw numberInUse('send', number, this.channel);
    if (this.queue.hasPlace(lengthOf(envelope))) {
      this.countAccepted(number);
      return this.queue.put(envelope, this);
    }
    const operation = new RemoteSend(this, number, envelope, wait);
    this.queue.send(operation);
    if (operation.settled) return;
    this.sends.set(number, operation);
    this.session.callsWaiting(1);
    this.session.waitingBytes += lengthOf(envelope);
    if (this.session.waitingBytes > MAX_WAITING_BYTES)
      throw new PigeonholeError(
        'ERR_FRAME',
        `the other side has more than ${MAX_WAITING_BYTES} bytes of messages waiting for space, which its window forbids`,
      );
  }

  cancelSend(number: number): void {
    const operation = this.sends.get(number);
    if (operation === undefined) return;
    operation.startCancelling();
    this.queue.cancelSend(operation);
  }

  pull(number: number, selector: Selector | null, wait: boolean, max: number): void {
    if (!this.shared)
      throw new PigeonholeError(
        'ERR_FRAME',
        `a pull on '${this.queue.name}', which only its own process empties`,
      );
    if (this.pulls.get(number) !== undefined) throw numberInUse('pull', number, this.channel);
    this.receives = true;
    const operation = new RemotePull(this, number, selector, wait, max);
    this.queue.receive(operation);
    if (operation.settled) return;
    this.pulls.set(number, operation);
    this.session.callsWaiting(operation.weight);
  }

  cancelPull(number: number): void {
    const operation = this.pulls.get(number);
    if (operation !== undefined) this.queue.cancelReceive(operation);
  }

  /** The other side has given these deliveries to a receiver, or gives one back. */
  settle(number: number, count: number, taken: boolean): void {
    for (let i = 0; i < count; i++) {
      const delivery = (number + i) >>> 0;
      const token = this.held.take(delivery);
      if (token === undefined)
        throw new PigeonholeError('ERR_FRAME', `delivery ${delivery} is not held on channel ${this.channel}`);
      if (!taken) this.returned = (this.returned + 1) >>> 0;
      this.queue.settleHeld(token, taken);
    }
  }

  /** The mailbox has a next host: the other side is to look for it. */
  moved(): void {
    this.session.write((writer) => writer.frame(Kind.moved, this.channel, 0));
  }

  /** The channel or the link is over: what waits is withdrawn, what was shown and not taken returns to its place. */
  down(): void {
    if (this.progressTimer !== null) clearTimeout(this.progressTimer);
    this.progressTimer = null;
    for (const operation of this.sends.drain()) {
      this.session.callsWaiting(-1);
      this.session.waitingBytes -= lengthOf(operation.envelope);
      operation.startCancelling();
      this.queue.cancelSend(operation);
    }
    for (const operation of this.pulls.drain()) {
      this.session.callsWaiting(-operation.weight);
      this.queue.cancelReceive(operation);
    }
    this.queue.returnHeld(this.held.drain());
    this.onDown(this);
  }

  /** One of those that were adopted has been received. */
  adoptedReceived(): void {
    if (this.adopted === 0) return;
    this.adopted--;
    this.received();
  }

  received(): void {
    this.receivedCount = (this.receivedCount + 1) >>> 0;
    this.progressTimer ??= setTimeout(() => {
      this.progressTimer = null;
      this.session.write(() => this.writeProgress());
    }, PROGRESS_DELAY).unref();
  }

  /** Writes the acceptances collected in this turn. */
  flush(): void {
    const { writer } = this.session;
    if (this.acceptCount > 0) writer.counted(Kind.accept, this.channel, this.acceptFrom, this.acceptCount);
    this.acceptCount = 0;
    this.writeProgress();
  }

  /** @internal */
  accepted(operation: RemoteSend): void {
    this.forget(operation);
    this.countAccepted(operation.number);
  }

  private countAccepted(number: number): void {
    if (this.acceptCount > 0 && number !== (this.acceptFrom + this.acceptCount) >>> 0) this.flush();
    if (this.acceptCount === 0) {
      this.acceptFrom = number;
      this.session.dirty(this);
    }
    this.acceptCount++;
    this.session.acceptances++;
  }

  /** @internal */
  rejected(operation: RemoteSend, reason: number, error?: unknown): void {
    this.forget(operation);
    this.session.write((writer) => {
      if (error instanceof PigeonholeError)
        writer.json(
          Kind.reject,
          this.channel,
          operation.number,
          { code: error.code, message: error.message },
          reason,
        );
      else writer.frame(Kind.reject, this.channel, operation.number, reason);
    });
  }

  /** @internal */
  hold(pull: number, envelope: Envelope, token: Held): void {
    const delivery = this.held.add(token);
    this.session.write((writer) =>
      writer.deliver(this.channel, pull, { delivery, order: token.order, returned: this.returned }, envelope),
    );
  }

  /** @internal */
  pullOver(operation: RemotePull, answer: boolean): void {
    if (this.pulls.take(operation.number) !== undefined) this.session.callsWaiting(-operation.weight);
    if (answer) this.session.write((writer) => writer.frame(Kind.empty, this.channel, operation.number));
  }

  private writeProgress(): void {
    if (this.receivedCount === this.receivedTold) return;
    this.receivedTold = this.receivedCount;
    this.session.writer.frame(Kind.progress, this.channel, this.receivedCount);
  }

  private forget(operation: RemoteSend): void {
    if (this.sends.take(operation.number) === undefined) return;
    this.session.callsWaiting(-1);
    this.session.waitingBytes -= lengthOf(operation.envelope);
  }
}

/** Whether it is a call of another process. */
export function isRemote(operation: unknown): boolean {
  return operation instanceof RemoteSend || operation instanceof RemotePull;
}

function numberInUse(what: string, number: number, channel: number): PigeonholeError {
  return new PigeonholeError('ERR_FRAME', `${what} ${number} of channel ${channel} came twice`);
}

/** A send of another process, in the host's queue. */
class RemoteSend extends SendOperation {
  private withdrawing = false;

  constructor(
    private readonly served: Served,
    readonly number: number,
    envelope: Envelope,
    wait: boolean,
  ) {
    super(envelope, wait);
    this.tracker = served;
  }

  override get cancelling(): boolean {
    return this.withdrawing;
  }

  startCancelling(): void {
    this.withdrawing = true;
  }

  override accepted(): void {
    if (this.settle(true)) this.served.accepted(this);
  }

  override refused(): void {
    if (this.settle(false)) this.served.rejected(this, Reject.full);
  }

  override withdrawn(): void {
    if (this.settle(false)) this.served.rejected(this, Reject.cancelled);
  }

  override fail(error: unknown): void {
    if (!this.settle(false)) return;
    if (error instanceof Moved) this.served.rejected(this, Reject.moved);
    else this.served.rejected(this, Reject.error, error);
  }
}

/** A receive of another process, in the host's queue. What it is given is held until that process has taken it. */
class RemotePull extends ReceiveOperation<boolean> {
  /** How many calls it counts for: a long selector takes the room of many. */
  readonly weight: number;
  private left: number;

  constructor(
    private readonly served: Served,
    readonly number: number,
    selector: Selector | null,
    wait: boolean,
    max: number,
  ) {
    super(selector, wait, max);
    this.weight = 1 + ((selector?.types?.length ?? 0) >> 5);
    this.left = max;
  }

  deliver(envelope: Envelope, token: Held): Delivery {
    if (this.settled) return Delivery.declined;
    this.served.hold(this.number, envelope, token);
    if (--this.left === 0) this.over(this.max > 1);
    return Delivery.held;
  }

  empty(): void {
    this.over(true);
  }

  override withdrawn(): void {
    this.over(false);
  }

  /** The mailbox has moved or is closing: the other side is told so once for the whole channel. */
  override fail(): void {
    this.over(false);
  }

  private over(answer: boolean): void {
    if (this.settle(true)) this.served.pullOver(this, answer);
  }
}
