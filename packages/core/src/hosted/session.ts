import type { Capacity, Ordering } from '../address.js';
import { CodecId, type CodecLimits, codecById } from '../codec.js';
import { hasSystemCode, PigeonholeError, show } from '../errors.js';
import {
  FRAME_OVERHEAD,
  type Frame,
  FrameParser,
  FrameWriter,
  Kind,
  PROTOCOL_VERSION,
  parseJson,
} from '../framing.js';
import { type Envelope, MAX_PRIORITY, MAX_TYPE, type Selector } from '../message.js';
import { isIncarnation, isName } from '../naming.js';
import type { Link, LinkHandler, MailboxSpec, PeerInfo } from '../transport.js';
import type { SendOperation } from '../waiters.js';
import { Attachment, type AttachmentOwner, remoteError } from './attachment.js';
import type { Served } from './served.js';

/** 'PIGN', in the channel field of every hello. */
const MAGIC = 0x4e474950;

/** Mailboxes that one other process may open here at once. */
const MAX_CHANNELS = 65_536;

/** What a session asks of the network it belongs to. */
export interface SessionOwner {
  readonly namespace: string;
  readonly self: PeerInfo;
  readonly limits: CodecLimits;
  readonly transportName: string;
  identify(incarnation: string): Promise<PeerInfo | null>;
  /** The queue of a mailbox hosted here, or why not (`null`: not here). Throws what the opener did wrong. */
  serve(session: Session, channel: number, spec: Omit<MailboxSpec, 'maxBytes'>): Served | null;
  adopt(session: Session, number: number, mailbox: string, envelope: Envelope): void;
  opened(session: Session): void;
  over(session: Session): void;
  warn(error: Error): void;
}

interface Opening {
  readonly owner: AttachmentOwner;
  resolve(attachment: Attachment | null): void;
  reject(error: unknown): void;
}

/**
 * The link protocol on one link: who the other side is, the channels it opened here (`Served`), those opened from here
 * (`Attachment`), and the batching of frames: what is written in one turn of the event loop leaves in one piece.
 */
export class Session implements LinkHandler {
  peer: PeerInfo | null = null;
  /** Body bytes of the other side's sends that wait for space here. */
  waitingBytes = 0;
  readonly writer = new FrameWriter((batch) => this.emit(batch));
  /** Resolves when the other side has said who it is; rejects when it never will. */
  readonly ready: Promise<void>;
  private settleReady!: { resolve(): void; reject(error: unknown): void };
  private readonly parser = new FrameParser((frame) => this.onFrame(frame));
  private readonly served = new Map<number, Served>();
  private readonly attachments = new Map<number, Attachment>();
  private readonly openings = new Map<number, Opening>();
  private readonly adoptions = new Map<number, SendOperation>();
  private readonly unwritten: Uint8Array[] = [];
  private dirtyServed: Served[] = [];
  private link: Link | null = null;
  private greeted = false;
  private verifying = false;
  private nextChannel = 1;
  private nextAdoption = 0;
  private scheduled = false;
  private blocked = false;
  private closing = false;
  private flushNow = false;
  private ended = false;
  private heartbeat: NodeJS.Timeout | null = null;
  private heard = true;
  private readonly flushTask = (): void => this.flush();

  /** `expected`: whom this process dialled; null for a link that came in. */
  constructor(
    private readonly owner: SessionOwner,
    private readonly expected: PeerInfo | null,
  ) {
    this.ready = new Promise((resolve, reject) => {
      this.settleReady = { resolve, reject };
    });
    this.ready.catch(() => {});
  }

  get peerName(): string {
    return this.peer?.name ?? this.expected?.name ?? '?';
  }

  get open(): boolean {
    return !this.ended && !this.closing && this.peer !== null;
  }

  start(link: Link): void {
    this.link = link;
    if (this.expected !== null) this.greet(this.expected.incarnation);
    if (link.heartbeat !== undefined) this.heartbeat = setInterval(() => this.beat(), link.heartbeat).unref();
  }

  // Writing

  /** Writes frames through `put` and sees that they leave with this turn's batch. */
  write(put: (writer: FrameWriter) => void): void {
    if (this.ended) return;
    put(this.writer);
    this.schedule();
  }

  /**
   * Flushes when the microtasks of this turn have run: a reply that the application gives in them still rides along. (A tick queued
   * from a microtask runs after all microtasks; see the Node documentation of process.nextTick.)
   */
  schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => process.nextTick(this.flushTask));
  }

  /** `served` has acceptances to write at the next flush. */
  dirty(served: Served): void {
    this.dirtyServed.push(served);
    this.schedule();
  }

  flush(): void {
    this.scheduled = false;
    this.flushNow = false;
    if (this.ended) return;
    const dirty = this.dirtyServed;
    if (dirty.length > 0) this.dirtyServed = [];
    for (const served of dirty) served.flush();
    if (!this.blocked) this.writer.flush();
  }

  /** Says goodbye: everything written still leaves, then the link closes. */
  close(): void {
    if (this.ended || this.closing) return;
    this.flush();
    this.writer.flush();
    this.closing = true;
    if (this.unwritten.length === 0) this.link?.close();
  }

  /** Ends the link at once. */
  abort(): void {
    this.link?.destroy();
    this.end();
  }

  // Mailboxes over this link

  /** Opens a mailbox that the other side is believed to host; null when it does not. */
  attach(
    spec: Omit<MailboxSpec, 'maxBytes'>,
    receives: boolean,
    owner: AttachmentOwner,
  ): Promise<Attachment | null> {
    if (!this.open) return Promise.resolve(null);
    const channel = this.nextChannel++;
    this.write((writer) =>
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
    this.write((writer) => writer.frame(Kind.detach, attachment.channel, 0));
  }

  /** Passes on a message that this process, as former host, had accepted. */
  adopt(mailbox: string, operation: SendOperation): void {
    const number = this.nextAdoption++;
    this.adoptions.set(number, operation);
    this.write((writer) => writer.adopt(number, mailbox, operation.envelope));
  }

  confirmAdopted(number: number): void {
    this.write((writer) => writer.frame(Kind.adopted, 0, number));
  }

  // LinkHandler

  data(chunk: Uint8Array, owned: boolean): void {
    if (this.ended) return;
    this.heard = true;
    try {
      this.parser.push(chunk, owned);
    } catch (error) {
      this.violated(error);
    }
    // A receiver's process must be known to have a message before the application can act on it: no second delivery after a kill.
    if (this.flushNow) this.flush();
  }

  drain(): void {
    this.blocked = false;
    while (!this.blocked) {
      const batch = this.unwritten.shift();
      if (batch === undefined) break;
      this.put(batch);
    }
    if (this.blocked) return;
    this.writer.flush();
    if (this.closing && this.unwritten.length === 0) this.link?.close();
  }

  end(error?: Error): void {
    if (this.ended) return;
    this.ended = true;
    if (this.heartbeat !== null) clearInterval(this.heartbeat);
    this.settleReady.reject(error ?? this.peerGone());
    for (const opening of this.openings.values()) opening.resolve(null);
    this.openings.clear();
    for (const attachment of [...this.attachments.values()]) attachment.down();
    for (const served of this.served.values()) served.down();
    this.served.clear();
    for (const operation of this.adoptions.values()) operation.fail(this.peerGone());
    this.adoptions.clear();
    this.owner.over(this);
  }

  /** Breaks the link because of what the other side did. */
  violated(error: unknown): void {
    if (this.ended) return;
    const known =
      error instanceof PigeonholeError
        ? error
        : new PigeonholeError('ERR_FRAME', String(error), { cause: error });
    this.writer.json(Kind.error, 0, 0, { code: known.code, message: known.message });
    this.writer.flush();
    this.owner.warn(
      new PigeonholeError(known.code, `link with ${this.describePeer()} closed: ${known.message}`, {
        cause: known.cause ?? known,
        transport: this.owner.transportName,
        address: this.peerName,
      }),
    );
    this.link?.close();
    this.end(known);
  }

  private describePeer(): string {
    return this.peer === null ? 'a process that has not said who it is' : `process '${this.peer.name}'`;
  }

  private peerGone(): PigeonholeError {
    return new PigeonholeError('ERR_PEER_DOWN', `the link with process '${this.peerName}' is over`, {
      transport: this.owner.transportName,
      address: this.peerName,
    });
  }

  private emit(batch: Uint8Array): void {
    const most = this.link?.maxWriteBytes ?? Infinity;
    for (let at = 0; at < batch.length; at += most)
      this.put(batch.length <= most ? batch : batch.subarray(at, at + most));
  }

  private put(batch: Uint8Array): void {
    if (this.blocked || this.link === null) this.unwritten.push(batch);
    else {
      try {
        this.blocked = !this.link.write(batch);
      } catch (error) {
        this.link.destroy(error instanceof Error ? error : undefined);
      }
    }
  }

  private beat(): void {
    if (!this.heard) return this.link?.destroy(this.peerGone());
    this.heard = false;
    this.write((writer) => writer.frame(Kind.ping, 0, 0));
  }

  // Frames

  private onFrame(frame: Frame): void {
    if (this.ended) return;
    const { kind, channel, number, rest } = frame;
    if (this.peer === null) return this.onGreeting(frame);
    switch (kind) {
      case Kind.send:
        return this.serving(frame)?.send(number, this.sent(frame), frame.c === 0);
      case Kind.accept:
        return this.attached(frame)?.onAccept(number, this.word(frame, 0));
      case Kind.deliver:
        return this.onDeliver(frame);
      case Kind.taken:
        return this.serving(frame)?.settle(number, this.word(frame, 0), true);
      case Kind.giveBack:
        return this.serving(frame)?.settle(number, 1, false);
      case Kind.pull:
        return this.serving(frame)?.pull(
          number,
          this.selector(rest.subarray(4)),
          frame.c === 0,
          this.word(frame, 0),
        );
      case Kind.empty:
        return this.attached(frame)?.onEmpty(number);
      case Kind.progress:
        return this.attached(frame)?.onProgress(number);
      case Kind.reject: {
        const detail = rest.length > 0 ? parseJson(rest) : {};
        return this.attached(frame)?.onReject(number, frame.a, detail['code'], detail['message']);
      }
      case Kind.cancel:
        return this.serving(frame)?.cancelSend(number);
      case Kind.cancelPull:
        return this.serving(frame)?.cancelPull(number);
      case Kind.open:
        return this.onOpen(channel, parseJson(rest));
      case Kind.opened:
        return this.onOpened(channel, parseJson(rest));
      case Kind.refused:
        return this.onRefused(channel, parseJson(rest));
      case Kind.detach:
        this.served.get(channel)?.down();
        this.served.delete(channel);
        return;
      case Kind.moved:
        return this.attached(frame)?.onMoved();
      case Kind.adopt:
        return this.onAdopt(frame);
      case Kind.adopted:
        this.adoptions.get(number)?.accepted();
        this.adoptions.delete(number);
        return;
      case Kind.ping:
        return this.write((writer) => writer.frame(Kind.pong, 0, number));
      case Kind.pong:
        return;
      case Kind.error:
        return this.onError(rest);
      default:
        throw new PigeonholeError(
          'ERR_FRAME',
          `frame kind ${kind} does not exist in protocol version ${PROTOCOL_VERSION}`,
        );
    }
  }

  private greet(to: string): void {
    this.greeted = true;
    const { name, incarnation } = this.owner.self;
    this.writer.json(Kind.hello, MAGIC, PROTOCOL_VERSION, {
      namespace: this.owner.namespace,
      name,
      incarnation,
      to,
    });
    this.schedule();
  }

  private onGreeting(frame: Frame): void {
    if (frame.kind === Kind.error) return this.onError(frame.rest);
    if (frame.kind !== Kind.hello || frame.channel !== MAGIC)
      throw new PigeonholeError(
        'ERR_FRAME',
        'the first frame is not a hello of the Pigeonhole link protocol',
      );
    if (frame.number !== PROTOCOL_VERSION)
      throw new PigeonholeError(
        'ERR_VERSION',
        `the other side speaks link protocol version ${frame.number}; this side speaks ${PROTOCOL_VERSION}`,
      );
    const { namespace, name, incarnation, to } = parseJson(frame.rest);
    if (!isName(name) || !isIncarnation(incarnation))
      throw new PigeonholeError('ERR_FRAME', 'the hello names no process');
    if (namespace !== this.owner.namespace)
      throw new PigeonholeError(
        'ERR_NOT_OURS',
        `process '${name}' belongs to namespace ${show(namespace)}; this is '${this.owner.namespace}'`,
      );
    if (to !== this.owner.self.incarnation)
      throw new PigeonholeError(
        'ERR_FENCED',
        `process '${name}' wanted incarnation ${show(to)}; this is ${this.owner.self.incarnation}, its successor or another process`,
      );
    if (this.expected !== null) {
      if (incarnation !== this.expected.incarnation)
        throw new PigeonholeError(
          'ERR_FENCED',
          `expected process '${this.expected.name}' at this address, found '${name}'`,
        );
      this.welcome(this.expected);
    } else if (this.verifying) throw new PigeonholeError('ERR_FRAME', 'a second hello');
    else void this.verify(name, incarnation);
  }

  /** R3: a name counts only if the registry knows the incarnation under it. */
  private async verify(name: string, incarnation: string): Promise<void> {
    this.verifying = true;
    try {
      const peer = await this.owner.identify(incarnation);
      if (this.ended) return;
      if (peer === null || peer.name !== name)
        throw new PigeonholeError(
          'ERR_NOT_OURS',
          `a process says it is '${name}' (${incarnation}), but no such process has joined`,
        );
      this.greet(incarnation);
      this.welcome(peer);
    } catch (error) {
      this.violated(error);
    }
  }

  private welcome(peer: PeerInfo): void {
    if (!this.greeted) this.greet(peer.incarnation);
    this.peer = peer;
    this.parser.limit = this.owner.limits.maxMessageBytes + FRAME_OVERHEAD;
    this.settleReady.resolve();
    this.owner.opened(this);
  }

  private onOpen(channel: number, spec: Record<string, unknown>): void {
    const present = this.served.get(channel);
    if (present !== undefined) {
      present.receives = spec['receives'] === true;
      return;
    }
    try {
      if (this.served.size >= MAX_CHANNELS)
        throw new PigeonholeError(
          'ERR_OS_LIMIT',
          `process '${this.peerName}' has ${MAX_CHANNELS} mailboxes open over one link, the most there can be`,
        );
      const served = this.owner.serve(this, channel, openedSpec(spec));
      if (served === null)
        return this.write((writer) => writer.json(Kind.refused, channel, 0, { code: 'NOT_HOST' }));
      served.receives = spec['receives'] === true;
      this.served.set(channel, served);
      const { capacity, ordering } = served.queue;
      this.write((writer) => writer.json(Kind.opened, channel, 0, { capacity, ordering }));
    } catch (error) {
      const { code, message } =
        error instanceof PigeonholeError ? error : new PigeonholeError('ERR_FRAME', String(error));
      this.write((writer) => writer.json(Kind.refused, channel, 0, { code, message }));
    }
  }

  private onOpened(channel: number, { capacity, ordering }: Record<string, unknown>): void {
    const opening = this.openings.get(channel);
    if (opening === undefined) return;
    this.openings.delete(channel);
    if (
      !(capacity === 'unbounded' || Number.isSafeInteger(capacity)) ||
      (ordering !== 'fifo' && ordering !== 'priority')
    )
      throw new PigeonholeError(
        'ERR_FRAME',
        `a mailbox was opened with capacity ${show(capacity)} and ordering ${show(ordering)}`,
      );
    const attachment = new Attachment(
      this,
      channel,
      capacity as number | 'unbounded',
      ordering,
      opening.owner,
    );
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
    const { channel, number, rest } = frame;
    const delivery = this.word(frame, 0);
    const nameLength = this.byte(frame, 16);
    const envelope = this.envelope(frame, this.name(rest, 17, nameLength), 17 + nameLength, 4);
    const taken = this.attachments.get(channel)?.onDeliver(number, envelope) ?? false;
    if (taken) {
      this.writer.counted(Kind.taken, channel, delivery, 1);
      this.flushNow = true;
      this.schedule();
    } else this.write((writer) => writer.frame(Kind.giveBack, channel, delivery));
  }

  private onAdopt(frame: Frame): void {
    const { rest } = frame;
    const mailboxLength = this.byte(frame, 16);
    const mailbox = this.name(rest, 17, mailboxLength);
    const fromLength = this.byte(frame, 17 + mailboxLength);
    const from = this.name(rest, 18 + mailboxLength, fromLength);
    this.owner.adopt(
      this,
      frame.number,
      mailbox,
      this.envelope(frame, from, 18 + mailboxLength + fromLength, 4),
    );
  }

  private onError(rest: Buffer): void {
    const { code, message } = parseJson(rest);
    const error = remoteError(code, message, this.peerName);
    this.owner.warn(
      new PigeonholeError(error.code, `process '${this.peerName}' closed the link: ${error.message}`, {
        transport: this.owner.transportName,
      }),
    );
    this.link?.close();
    this.end(error);
  }

  private serving(frame: Frame): Served | undefined {
    // A frame for a channel that is just being closed or moved may still come.
    return this.served.get(frame.channel);
  }

  private attached(frame: Frame): Attachment | undefined {
    return this.attachments.get(frame.channel);
  }

  private sent(frame: Frame): Envelope {
    return this.envelope(frame, this.peerName, 12, 0);
  }

  /** `meta`: where type and sentAt begin in the frame's rest. */
  private envelope(frame: Frame, from: string, bodyAt: number, meta: number): Envelope {
    const { a: codec, b: priority, rest } = frame;
    if (rest.length < bodyAt)
      throw new PigeonholeError(
        'ERR_FRAME',
        `a message frame has ${rest.length} bytes after its header; it needs ${bodyAt}`,
      );
    const type = rest.readUInt32LE(meta);
    if (type > MAX_TYPE)
      throw new PigeonholeError('ERR_FRAME', `a message has type ${type}; the most is ${MAX_TYPE}`);
    if (priority > MAX_PRIORITY)
      throw new PigeonholeError(
        'ERR_FRAME',
        `a message has priority ${priority}; the most is ${MAX_PRIORITY}`,
      );
    if (codec > CodecId.custom)
      throw new PigeonholeError('ERR_FRAME', `a message has codec ${codec}, which does not exist`);
    const body = rest.subarray(bodyAt);
    codecById(codec)?.verify(body, this.owner.limits);
    return { body, codec, from, type, priority, sentAt: rest.readDoubleLE(meta + 4) };
  }

  private word({ rest }: Frame, at: number): number {
    if (rest.length < at + 4)
      throw new PigeonholeError(
        'ERR_FRAME',
        `a frame has ${rest.length} bytes after its header; it needs ${at + 4}`,
      );
    return rest.readUInt32LE(at);
  }

  private byte({ rest }: Frame, at: number): number {
    if (rest.length <= at)
      throw new PigeonholeError(
        'ERR_FRAME',
        `a frame has ${rest.length} bytes after its header; it needs ${at + 1}`,
      );
    return rest[at] as number;
  }

  private name(rest: Buffer, at: number, length: number): string {
    const name = rest.toString('latin1', at, at + length);
    if (!isName(name))
      throw new PigeonholeError('ERR_FRAME', `a frame names ${show(name)}, which is not a name`);
    return name;
  }

  private selector(bytes: Buffer): Selector | null {
    if (bytes.length === 0) return null;
    const { types, from } = parseJson(bytes);
    if (!(from === null || isName(from)))
      throw new PigeonholeError('ERR_FRAME', `a selector has from ${show(from)}`);
    if (!(types === null || (Array.isArray(types) && types.every(Number.isInteger))))
      throw new PigeonholeError('ERR_FRAME', `a selector has types ${show(types)}`);
    return { types: types as number[] | null, from };
  }
}

/** What an open frame asks for. Its values are only compared with the mailbox's own, so a nonsensical one is a mismatch. */
function openedSpec({ mailbox, capacity, ordering }: Record<string, unknown>): Omit<MailboxSpec, 'maxBytes'> {
  if (typeof mailbox !== 'string') throw new PigeonholeError('ERR_FRAME', 'an open frame names no mailbox');
  return {
    name: mailbox,
    capacity: capacity as Capacity | undefined,
    ordering: ordering as Ordering | undefined,
  };
}

/** Whether a connect error means that nobody listens there any more. */
export function isGone(error: unknown): boolean {
  return (
    (error instanceof PigeonholeError && error.code === 'ERR_PEER_DOWN') ||
    hasSystemCode(error, 'ECONNREFUSED', 'ENOENT')
  );
}
