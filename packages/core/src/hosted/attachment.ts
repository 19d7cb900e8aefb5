import type { Capacity, Ordering } from '../address.js';
import { type ErrorCode, errorCodes, PigeonholeError } from '../errors.js';
import { HEADER, Kind, Reject } from '../framing.js';
import { lengthOf } from '../message.js';
import type { Channel } from '../transport.js';
import type { ReceiveOperation, SendOperation } from '../waiters.js';
import { OperationList } from '../waiting.js';
import type { Channels } from './channels.js';
import { Numbered } from './numbered.js';
import { Pulls } from './pulls.js';

/**
 * Bytes of messages that one channel may have on the wire unanswered (one message may always be). It bounds what a full mailbox costs
 * its host, and how many sends have an unknown outcome when the host dies; it is far above what a round trip needs.
 */
const WINDOW = 256 * 1024;
/** What a message costs beside its body: the least that its frame has. */
const MESSAGE_COST = HEADER + 12;

/**
 * Tries that one channel may have on the wire: the host answers each at once, so more than it takes to keep both busy would only
 * pile up there.
 */
const MAX_TRIES = 16_384;

/** What becomes of the operations when the attachment ends. */
export interface AttachmentOwner {
  readonly label: string;
  /**
   * `lost`: accepted messages of this process that the dead host may have taken along; null when it was handing the mailbox over. If it
   * did not come to an end with that, `doubtful` of them may have been handed over, and may not.
   */
  detached(
    from: Attachment,
    sends: SendOperation[],
    receives: ReceiveOperation[],
    lost: number | null,
    doubtful?: number,
  ): void;
  /** More of this process's messages have been received. */
  progressed?(): void;
}

/** A mailbox that another process hosts, as this process reaches it over one link. */
export class Attachment implements Channel {
  private readonly inFlight = new Numbered<SendOperation>();
  private readonly unsent = new OperationList<SendOperation>();
  private readonly untried = new OperationList<SendOperation>();
  /** Made for the first receive: most attachments only send, and there may be tens of thousands. */
  private ownPulls: Pulls | null = null;
  private readonly returned = new OperationList<SendOperation>();
  private bytesInFlight = 0;
  private triesInFlight = 0;
  private acceptedCount: number;
  private receivedCount = 0;
  private moving = false;
  private over = false;

  constructor(
    private readonly channels: Channels,
    readonly channel: number,
    readonly capacity: Capacity,
    readonly ordering: Ordering,
    private readonly owner: AttachmentOwner,
    /** Messages of this process that the host was handed over and still has. */
    readonly adopted = 0,
  ) {
    this.acceptedCount = adopted;
  }

  get pulls(): Pulls {
    this.ownPulls ??= new Pulls(this.channels.session, this.channel);
    return this.ownPulls;
  }

  /** Nothing is under way, and everything that was accepted has been received. */
  get idle(): boolean {
    const { inFlight, unsent, untried, returned } = this;
    if (this.moving || this.ownPulls?.idle === false) return false;
    const waiting = inFlight.size + unsent.size + untried.size + returned.size;
    return waiting === 0 && (this.acceptedCount - this.receivedCount) >>> 0 === 0;
  }

  get host(): string {
    return this.channels.session.peerName;
  }

  send(operation: SendOperation): void {
    // A try must not wait for space, and the host answers it at once: it goes past the window.
    const waiting = operation.wait ? this.unsent : this.untried;
    if (!this.moving && waiting.size === 0 && this.fits(operation)) this.transmit(operation);
    else waiting.push(operation);
  }

  receive(operation: ReceiveOperation): void {
    this.pulls.add(operation);
  }

  cancelSend(operation: SendOperation): void {
    // In a list: it is not on the wire, or not any more.
    if (operation.list !== null || this.over) operation.withdrawn();
    else this.channels.session.write((writer) => writer.frame(Kind.cancel, this.channel, operation.order));
  }

  cancelReceive(operation: ReceiveOperation): void {
    if (!operation.begun) return this.pulls.cancel(operation);
    // One that has taken messages is given them instead.
    const { receipts } = this.channels.session;
    receipts.hold(() => this.pulls.cancel(operation));
    receipts.settle();
  }

  /** Tells the host whether there are receivers here, so that it may hand the mailbox over to this process. */
  announceReceivers(receives: boolean): void {
    this.channels.session.write((writer) => writer.json(Kind.open, this.channel, 0, { receives }));
  }

  // From the host:

  onAccept(number: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const operation = this.answered((number + i) >>> 0);
      this.acceptedCount++;
      operation.accepted();
    }
    this.pump();
  }

  onReject(number: number, reason: number, code: unknown, message: unknown): void {
    const operation = this.answered(number);
    if (reason === Reject.full) operation.refused();
    else if (reason === Reject.cancelled) operation.withdrawn();
    else if (reason === Reject.moved) {
      if (operation.cancelling) operation.withdrawn();
      else this.returned.push(operation);
    } else operation.fail(remoteError(code, message, this.owner.label));
    if (reason === Reject.moved) this.onMoved();
    else this.pump();
  }

  onProgress(received: number): void {
    this.receivedCount = received;
    this.owner.progressed?.();
  }

  /** Gives the channel up, when idle. */
  leave(): void {
    if (this.over) return;
    this.over = true;
    this.channels.release(this);
  }

  /** The host gives the mailbox up; it still answers what is on the wire. Then everything goes to the next host. */
  onMoved(): void {
    this.moving = true;
    this.pulls.stop();
    if (this.inFlight.size === 0) this.end(null);
  }

  /** The link is over without a word: what was on the wire has an unknown outcome. */
  down(): void {
    if (this.over) return;
    for (const operation of this.inFlight.drain())
      operation.fail(
        new PigeonholeError(
          'ERR_OUTCOME_UNKNOWN',
          `process '${this.host}', which hosted ${this.owner.label}, was lost before it said whether it had accepted the message`,
          { address: this.owner.label },
        ),
      );
    // Never more than was accepted, whatever the host said it had passed on.
    const lost = Math.min((this.acceptedCount - this.receivedCount) >>> 0, this.acceptedCount);
    if (this.moving) this.end(null, lost);
    else this.end(lost);
  }

  private end(lost: number | null, doubtful?: number): void {
    if (this.over) return;
    this.over = true;
    this.channels.session.receipts.end();
    this.channels.release(this);
    const receives = this.pulls.drain();
    // Numbers count modulo 2^32, and those on the wire at once are near one another.
    const returned = this.returned.drain().sort((a, b) => (a.order - b.order) | 0);
    const sends = [...returned, ...this.unsent.drain(), ...this.untried.drain()];
    this.owner.detached(this, sends, receives, lost, doubtful);
  }

  private transmit(operation: SendOperation): void {
    const number = this.inFlight.add(operation);
    operation.order = number;
    if (operation.wait) this.bytesInFlight += lengthOf(operation.envelope) + MESSAGE_COST;
    else this.triesInFlight++;
    this.channels.session.writer.send(this.channel, number, operation.envelope, operation.wait);
    this.channels.session.schedule();
  }

  private answered(number: number): SendOperation {
    const operation = this.inFlight.take(number);
    if (operation === undefined)
      throw new PigeonholeError(
        'ERR_FRAME',
        `an answer to send ${number} of channel ${this.channel}, which awaits none`,
      );
    if (operation.wait) this.bytesInFlight -= lengthOf(operation.envelope) + MESSAGE_COST;
    else this.triesInFlight--;
    return operation;
  }

  private pump(): void {
    if (this.moving) {
      if (this.inFlight.size === 0) this.end(null);
      return;
    }
    for (const waiting of [this.unsent, this.untried])
      while (waiting.first !== null && this.fits(waiting.first))
        this.transmit(waiting.shift() as SendOperation);
  }

  private fits({ wait, envelope }: SendOperation): boolean {
    if (!wait) return this.triesInFlight < MAX_TRIES;
    return this.bytesInFlight === 0 || this.bytesInFlight + lengthOf(envelope) + MESSAGE_COST <= WINDOW;
  }
}

/** An error that the host reports. Its code is one of ours or becomes `ERR_TRANSPORT`. */
export function remoteError(code: unknown, message: unknown, label: string): PigeonholeError {
  const known = errorCodes.includes(code as ErrorCode) ? (code as ErrorCode) : 'ERR_TRANSPORT';
  return new PigeonholeError(
    known,
    typeof message === 'string' ? message : `refused by the host of ${label}`,
    { address: label },
  );
}
