import { PigeonholeError } from '../errors.js';
import type { Frame } from '../frame-parser.js';
import { Kind, PROTOCOL_VERSION, parseJson } from '../framing.js';
import type { Envelope } from '../message.js';
import type { MailboxSpec } from '../transport.js';
import type { SendOperation } from '../waiters.js';
import { Attachment, type AttachmentOwner, remoteError } from './attachment.js';
import { byte, envelope, name, openedAs, openedSpec, selector, word } from './reading.js';
import type { Served } from './served.js';
import type { Session, SessionOwner } from './session.js';

/** Mailboxes that one other process may open here at once. */
const MAX_CHANNELS = 65_536;

interface Opening {
  readonly owner: AttachmentOwner;
  resolve(attachment: Attachment | null): void;
  reject(error: unknown): void;
}

/** The mailboxes on one link: those the other side opened here (`Served`) and those opened from here (`Attachment`). */
export class Channels {
  private readonly served = new Map<number, Served>();
  private readonly attachments = new Map<number, Attachment>();
  private readonly openings = new Map<number, Opening>();
  private readonly adoptions = new Map<number, SendOperation>();
  private nextChannel = 1;
  private nextAdoption = 0;

  constructor(
    readonly session: Session,
    private readonly owner: SessionOwner,
  ) {}

  /** Opens a mailbox that the other side is believed to host; null when it does not. */
  attach(
    spec: Omit<MailboxSpec, 'maxBytes'>,
    receives: boolean,
    owner: AttachmentOwner,
  ): Promise<Attachment | null> {
    if (!this.session.open) return Promise.resolve(null);
    const channel = this.nextChannel++;
    this.session.write((writer) =>
      writer.json(Kind.open, channel, 0, {
        mailbox: spec.name,
        capacity: spec.capacity,
        ordering: spec.ordering,
        receives,
      }),
    );
    return new Promise((resolve, reject) => this.openings.set(channel, { owner, resolve, reject }));
  }

  /** The attachment is over; if the link is not, the host may forget the channel. */
  release(attachment: Attachment): void {
    if (!this.attachments.delete(attachment.channel)) return;
    this.session.write((writer) => writer.frame(Kind.detach, attachment.channel, 0));
  }

  /** Passes on a message that this process, as former host, had accepted. */
  adopt(mailbox: string, operation: SendOperation): void {
    const number = this.nextAdoption++;
    this.adoptions.set(number, operation);
    this.session.write((writer) => writer.adopt(number, mailbox, operation.envelope));
  }

  confirmAdopted(number: number): void {
    this.session.write((writer) => writer.frame(Kind.adopted, 0, number));
  }

  private onOpen(channel: number, spec: Record<string, unknown>): void {
    const present = this.served.get(channel);
    if (present !== undefined) {
      present.receives = spec.receives === true;
      return;
    }
    try {
      if (this.served.size >= MAX_CHANNELS)
        throw new PigeonholeError(
          'ERR_OS_LIMIT',
          `process '${this.session.peerName}' has ${MAX_CHANNELS} mailboxes open over one link, the most there can be`,
        );
      const served = this.owner.serve(this.session, channel, openedSpec(spec));
      if (served === null)
        return this.session.write((writer) => writer.json(Kind.refused, channel, 0, { code: 'NOT_HOST' }));
      served.receives = spec.receives === true;
      this.served.set(channel, served);
      const { capacity, ordering } = served.queue;
      const adopted = served.adopted || undefined;
      this.session.write((writer) => writer.json(Kind.opened, channel, 0, { capacity, ordering, adopted }));
    } catch (error) {
      const { code, message } =
        error instanceof PigeonholeError ? error : new PigeonholeError('ERR_FRAME', String(error));
      this.session.write((writer) => writer.json(Kind.refused, channel, 0, { code, message }));
    }
  }

  private onOpened(channel: number, json: Record<string, unknown>): void {
    const opening = this.openings.get(channel);
    if (opening === undefined) return;
    const { capacity, ordering, adopted } = openedAs(json);
    this.openings.delete(channel);
    const attachment = new Attachment(this, channel, capacity, ordering, opening.owner, adopted);
    this.attachments.set(channel, attachment);
    opening.resolve(attachment);
  }

  private onRefused(channel: number, { code, message }: Record<string, unknown>): void {
    const opening = this.openings.get(channel);
    this.openings.delete(channel);
    if (code === 'NOT_HOST') opening?.resolve(null);
    else opening?.reject(remoteError(code, message, opening.owner.label));
  }

  private onDeliver(frame: Frame): void {
    const { channel, number } = frame;
    const as = { delivery: word(frame, 12), order: word(frame, 16), returned: word(frame, 20) };
    const nameLength = byte(frame, 24);
    const from = name(frame, 25, nameLength);
    const message = envelope(frame, from, 25 + nameLength, this.owner.limits);
    const pulls = this.attachments.get(channel)?.pulls;
    const taken = this.session.receipts.hold(() => pulls?.deliver(number, as, message) ?? false);
    if (taken) this.session.writeSoon((writer) => writer.counted(Kind.taken, channel, as.delivery, 1));
    else this.session.write((writer) => writer.frame(Kind.giveBack, channel, as.delivery));
  }

  /** It may be the word that several messages were all: they are taken, as one that is delivered alone. */
  private onEmpty(frame: Frame): void {
    this.session.receipts.hold(() => this.attached(frame)?.pulls.empty(frame.number));
  }

  private onAdopt(frame: Frame): void {
    const mailboxLength = byte(frame, 12);
    const mailbox = name(frame, 13, mailboxLength);
    const fromLength = byte(frame, 13 + mailboxLength);
    const from = name(frame, 14 + mailboxLength, fromLength);
    const message = envelope(frame, from, 14 + mailboxLength + fromLength, this.owner.limits);
    this.owner.adopt(this.session, frame.number, mailbox, message);
  }

  private serving(frame: Frame): Served | undefined {
    // A frame for a channel that is just being closed or moved may still come.
    return this.served.get(frame.channel);
  }

  private attached(frame: Frame): Attachment | undefined {
    return this.attachments.get(frame.channel);
  }

  private sent(frame: Frame): Envelope {
    return envelope(frame, this.session.peerName, 12, this.owner.limits);
  }

  /** The link is over. */
  end(gone: () => Error): void {
    for (const opening of this.openings.values()) opening.resolve(null);
    this.openings.clear();
    for (const attachment of [...this.attachments.values()]) attachment.down();
    for (const served of this.served.values()) served.down();
    this.served.clear();
    for (const operation of this.adoptions.values()) operation.fail(gone());
    this.adoptions.clear();
  }

  onFrame(frame: Frame): void {
    const { kind, channel, number } = frame;
    switch (kind) {
      case Kind.send:
        return this.serving(frame)?.send(number, this.sent(frame), frame.c === 0);
      case Kind.accept:
        return this.attached(frame)?.onAccept(number, word(frame, 0));
      case Kind.deliver:
        return this.onDeliver(frame);
      case Kind.taken:
        return this.serving(frame)?.settle(number, word(frame, 0), true);
      case Kind.giveBack:
        return this.serving(frame)?.settle(number, 1, false);
      case Kind.pull:
        return this.serving(frame)?.pull(
          number,
          selector(frame.rest.subarray(4)),
          frame.c === 0,
          word(frame, 0),
        );
      case Kind.empty:
        return this.onEmpty(frame);
      case Kind.progress:
        return this.attached(frame)?.onProgress(number);
      case Kind.reject:
        return this.onReject(frame);
      case Kind.cancel:
        return this.serving(frame)?.cancelSend(number);
      case Kind.cancelPull:
        return this.serving(frame)?.cancelPull(number);
      case Kind.open:
        return this.onOpen(channel, parseJson(frame.rest));
      case Kind.opened:
        return this.onOpened(channel, parseJson(frame.rest));
      case Kind.refused:
        return this.onRefused(channel, parseJson(frame.rest));
      case Kind.detach:
        return this.onDetach(channel);
      case Kind.moved:
        return this.attached(frame)?.onMoved();
      case Kind.adopt:
        return this.onAdopt(frame);
      case Kind.adopted:
        return this.onAdopted(number);
      default:
        throw new PigeonholeError(
          'ERR_FRAME',
          `frame kind ${kind} does not exist in protocol version ${PROTOCOL_VERSION}`,
        );
    }
  }

  private onReject(frame: Frame): void {
    const { code, message } = frame.end > frame.start ? parseJson(frame.rest) : {};
    this.attached(frame)?.onReject(frame.number, frame.a, code, message);
  }

  private onDetach(channel: number): void {
    this.served.get(channel)?.down();
    this.served.delete(channel);
  }

  private onAdopted(number: number): void {
    this.adoptions.get(number)?.accepted();
    this.adoptions.delete(number);
  }
}
