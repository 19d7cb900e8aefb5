import type { Buffer } from 'node:buffer';
import type { BusyPoll } from '../busy-poll.js';
import type { CodecLimits } from '../codec.js';
import { PigeonholeError } from '../errors.js';
import { type Frame, FrameParser } from '../frame-parser.js';
import { FRAME_OVERHEAD, FrameWriter, Kind, parseJson } from '../framing.js';
import type { Envelope } from '../message.js';
import type { Link, LinkHandler, MailboxSpec, PeerInfo } from '../transport.js';
import { remoteError } from './attachment.js';
import { Channels } from './channels.js';
import { type Introduction, readHello, writeHello } from './greeting.js';
import { Heartbeat } from './heartbeat.js';
import { Inquiries, type InquiriesOwner } from './inquiries.js';
import { Outlet } from './outlet.js';
import { Receipts } from './receipts.js';
import type { Served } from './served.js';

/** Bytes of answers that may pile up while the other side takes nothing of what it is sent. */
const MAX_UNHEARD = 8 * 1024 * 1024;

/** Calls of the other side that wait here, over all its channels. */
const MAX_WAITING_CALLS = 1_048_576;

/**
 * So much leaves in the midst of a turn, and so many acceptances in the midst of a batch: or the two sides would work in turns, one
 * waiting while the other goes through what came in one piece.
 */
const EARLY_BYTES = 16 * 1024;
const EARLY_ACCEPTANCES = 128;
/** Fewer wait for the end of the turn, when an answer of the application's may ride along. */
const FEW_ACCEPTANCES = 16;

/** `queueMicrotask` of Node.js makes an AsyncResource for each call; a reaction is a fifth of it. */
const inMicrotask = Promise.resolve();

/** How long a link that was broken off may take to carry its last words (milliseconds). Then it is cut. */
const LINGER = 1_000;

/** What a session asks of the network it belongs to. */
export interface SessionOwner extends InquiriesOwner {
  readonly namespace: string;
  readonly self: PeerInfo;
  readonly limits: CodecLimits;
  readonly transportName: string;
  /** Told whenever something comes. */
  readonly busyPoll: BusyPoll;
  /** Who that is, if the namespace knows it. Throws why it is not to be spoken to. */
  identify(who: Introduction, link: Link): Promise<PeerInfo | null>;
  /** The same for the neighbour that this process has dialled at its address. */
  recognise(who: Introduction, link: Link): PeerInfo;
  /** Whether the kernel of this host tells of that process's death. */
  vouches(peer: PeerInfo): boolean;
  /** The queue of a mailbox hosted here, or why not (`null`: not here). Throws what the opener did wrong. */
  serve(session: Session, channel: number, spec: Omit<MailboxSpec, 'maxBytes'>): Served | null;
  adopt(session: Session, number: number, mailbox: string, envelope: Envelope): void;
  opened(session: Session): void;
  over(session: Session): void;
  warn(error: Error): void;
}

/**
 * The link protocol on one link: who the other side is, the channels it opened here (`Served`), those opened from here
 * (`Attachment`), and the batching of frames: what is written in one turn of the event loop leaves in one piece.
 */
export class Session implements LinkHandler {
  peer: PeerInfo | null = null;
  /** Body bytes of the other side's sends that wait for space here. */
  waitingBytes = 0;
  readonly channels: Channels;
  readonly inquiries: Inquiries;
  /** The calls here that have been given messages. */
  readonly receipts = new Receipts((done) => this.sent(done));
  /** It was ended because nothing came from the other side. */
  silent = false;
  readonly writer = new FrameWriter(
    (batch) => this.outlet.write(batch),
    () => this.outlet.empty,
  );
  /** Resolves when the other side has said who it is; rejects when it never will. */
  readonly ready: Promise<void>;
  /** Resolves when the link is over. */
  private readonly gone: Promise<void>;
  private settleGone!: () => void;
  /** Pings whose answer somebody waits for; a heartbeat's has number 0. */
  private readonly echoes = new Map<number, () => void>();
  private nextEcho = 1;
  private settleReady!: { resolve(): void; reject(error: unknown): void };
  private readonly parser = new FrameParser((frame) => this.onFrame(frame));
  private readonly outlet = new Outlet();
  private dirtyServed: Served[] = [];
  private greeted = false;
  private verifying = false;
  private scheduled = false;
  private unheard = 0;
  private waitingCalls = 0;
  private closing = false;
  private flushNow = false;
  private ended = false;
  private heartbeat: Heartbeat | null = null;
  private linger: NodeJS.Timeout | undefined;
  /** The other process is gone: so said the registry. */
  private leftBehind = false;
  /** Sends of the other side accepted since the last flush. */
  acceptances = 0;
  private readonly flushTask = (): void => this.flush();
  private readonly armFlush = (): void => process.nextTick(this.flushTask);

  /** `expected`: whom this process dialled, with incarnation '' where only the name is known; null for a link that came in. */
  constructor(
    private readonly owner: SessionOwner,
    private readonly expected: PeerInfo | null,
  ) {
    this.ready = new Promise((resolve, reject) => {
      this.settleReady = { resolve, reject };
    });
    this.ready.catch(() => {});
    this.gone = new Promise((resolve) => {
      this.settleGone = resolve;
    });
    this.channels = new Channels(this, owner);
    this.inquiries = new Inquiries(this, owner);
  }

  get peerName(): string {
    return this.peer?.name ?? this.expected?.name ?? '?';
  }

  /** Of the process at the other side, or of the one that was dialled; undefined for a stranger. */
  get incarnation(): string | undefined {
    return (this.peer ?? this.expected)?.incarnation;
  }

  get open(): boolean {
    return !this.ended && !this.closing && this.peer !== null;
  }

  start(link: Link): void {
    // It was given up while the connection was being made.
    if (this.ended) return link.destroy();
    this.outlet.link = link;
    if (this.leftBehind) link.peerDown?.();
    if (this.expected !== null) this.greet(this.expected);
    if (link.heartbeat !== undefined)
      this.heartbeat = new Heartbeat(link.heartbeat, {
        vouched: () => this.vouched(),
        // Before the other side has said who it is, it is not spoken to.
        ping: () => this.peer !== null && this.write((writer) => writer.frame(Kind.ping, 0, 0)),
        silent: () => this.fallSilent(),
      });
  }

  /** So many more calls of the other side (fewer, when negative) wait here. */
  callsWaiting(more: number): void {
    this.waitingCalls += more;
    if (more > 0 && this.waitingCalls > MAX_WAITING_CALLS)
      throw new PigeonholeError(
        'ERR_FRAME',
        `the other side has more than ${MAX_WAITING_CALLS} calls waiting here, the most there can be`,
      );
  }

  // Writing

  /** Writes frames through `put` and sees that they leave with this turn's batch. */
  write(put: (writer: FrameWriter) => void): void {
    if (this.ended) return;
    put(this.writer);
    this.schedule();
  }

  /**
   * The same, leaving before the application goes on: a receiver's process must be known to have a message before the
   * application can act on it, or a kill in between would have it delivered a second time.
   */
  writeSoon(put: (writer: FrameWriter) => void): void {
    this.write(put);
    this.flushNow = true;
  }

  /**
   * Flushes when the microtasks of this turn have run: a reply that the application gives in them still rides along. (A tick queued
   * from a microtask runs after all microtasks; see the Node documentation of process.nextTick.)
   */
  schedule(): void {
    if (this.writer.pendingBytes >= EARLY_BYTES && !this.outlet.blocked) this.writer.flush();
    if (this.scheduled) return;
    this.scheduled = true;
    void inMicrotask.then(this.armFlush);
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
    this.acceptances = 0;
    if (!this.outlet.blocked) this.writer.flush();
  }

  /** Says goodbye: everything written still leaves, then the link closes. */
  close(): void {
    if (this.ended || this.closing) return;
    this.flush();
    this.writer.flush();
    this.closing = true;
    this.outlet.close();
  }

  /** Ends the link at once. */
  abort(): void {
    this.outlet.link?.destroy();
    this.end();
  }

  /** The other process is dead or has left: a link that cannot see it is told. */
  peerDown(): void {
    this.leftBehind = true;
    this.outlet.link?.peerDown?.();
  }

  // LinkHandler

  data(chunk: Uint8Array, owned: boolean, more = false): void {
    this.read(() => this.parser.push(chunk, owned), more);
  }

  place(intake: Uint8Array): Uint8Array {
    return this.ended ? intake : this.parser.place(intake);
  }

  filled(bytes: number): void {
    this.read(() => this.parser.filled(bytes), false);
  }

  private read(parse: () => void, more: boolean): void {
    if (this.ended) return;
    this.heartbeat?.hear();
    // Not for a stranger, who could keep this process busy with next to nothing.
    if (this.peer !== null) this.owner.busyPoll.stir();
    try {
      parse();
    } catch (error) {
      this.violated(error);
    }
    if (this.flushNow || (!more && this.acceptances >= FEW_ACCEPTANCES)) this.flush();
    this.receipts.settle();
  }

  drain(): void {
    this.unheard = 0;
    this.heartbeat?.hear();
    this.outlet.drain();
    if (this.outlet.blocked) return;
    this.writer.flush();
    if (this.closing) this.outlet.close();
  }

  /** As `Link.sent`, of all frames written so far. Those that are written later do not put it off. */
  private sent(done: () => void): boolean {
    const { blocked, link } = this.outlet;
    if (blocked || link === null) this.writer.flush();
    return this.outlet.sent(done);
  }

  end(error?: Error): void {
    clearTimeout(this.linger);
    if (this.ended) return;
    this.ended = true;
    this.heartbeat?.stop();
    this.settleGone();
    this.receipts.end();
    this.settleReady.reject(error instanceof PigeonholeError ? error : this.peerGone(error));
    this.channels.end(() => this.peerGone());
    this.inquiries.end();
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
    this.breakOff(known);
  }

  /** Ends it with the last words on their way, and whether or not the other side lets go. */
  private breakOff(error: PigeonholeError): void {
    const { link } = this.outlet;
    link?.close();
    this.end(error);
    this.linger = setTimeout(() => link?.destroy(), LINGER).unref();
  }

  private describePeer(): string {
    return this.peer === null ? 'a process that has not said who it is' : `process '${this.peer.name}'`;
  }

  private peerGone(cause?: Error): PigeonholeError {
    return new PigeonholeError('ERR_PEER_DOWN', `the link with process '${this.peerName}' is over`, {
      cause,
      transport: this.owner.transportName,
      address: this.peerName,
    });
  }

  /** Resolves when the other side has handled all that was written so far, or the link is over. */
  async handled(): Promise<void> {
    const number = this.nextEcho;
    this.nextEcho = (number % 0xffff_ffff) + 1;
    await Promise.race([
      new Promise<void>((resolve) => {
        this.echoes.set(number, resolve);
        this.write((writer) => writer.frame(Kind.ping, 0, number));
      }),
      this.gone,
    ]);
    this.echoes.delete(number);
  }

  /** A stranger has its own limit of time. */
  private vouched(): boolean {
    const peer = this.peer ?? this.expected;
    return peer === null || this.owner.vouches(peer);
  }

  private fallSilent(): void {
    this.silent = true;
    this.outlet.link?.destroy(this.peerGone());
  }

  // Frames

  private onFrame(frame: Frame): void {
    if (this.ended) return;
    if (!this.outlet.blocked) {
      this.handle(frame);
      if (this.acceptances >= EARLY_ACCEPTANCES) this.flush();
      return;
    }
    const before = this.writer.answers;
    this.handle(frame);
    this.unheard += this.writer.answers - before;
    if (this.unheard > MAX_UNHEARD)
      throw new PigeonholeError(
        'ERR_FRAME',
        `the other side has asked for more than ${MAX_UNHEARD} bytes of answers and taken none of them`,
      );
  }

  private handle(frame: Frame): void {
    const { kind, number } = frame;
    if (this.peer === null) return this.onGreeting(frame);
    switch (kind) {
      case Kind.ping:
        return this.write((writer) => writer.frame(Kind.pong, 0, number));
      case Kind.pong:
        this.echoes.get(number)?.();
        return;
      case Kind.error:
        return this.onError(frame.rest);
      case Kind.hello:
        throw new PigeonholeError('ERR_FRAME', 'a second hello');
      case Kind.ask:
      case Kind.answer:
      case Kind.news:
        return this.inquiries.onFrame(frame);
      default:
        return this.channels.onFrame(frame);
    }
  }

  private greet(to: Pick<PeerInfo, 'name' | 'incarnation'>): void {
    this.greeted = true;
    const { namespace, self } = this.owner;
    writeHello(this.writer, namespace, self, to);
    this.schedule();
  }

  private onGreeting(frame: Frame): void {
    if (frame.kind === Kind.error) return this.onError(frame.rest);
    const who = readHello(frame, this.owner.namespace, this.owner.self);
    if (this.expected !== null) return this.welcome(this.checked(this.expected, who));
    if (this.verifying) throw new PigeonholeError('ERR_FRAME', 'a second hello');
    void this.verify(who);
  }

  /** Whom this process has dialled, if it is who has answered. */
  private checked(expected: PeerInfo, who: Introduction): PeerInfo {
    const { name, incarnation } = expected;
    if (who.name !== name || (incarnation !== '' && who.incarnation !== incarnation))
      throw new PigeonholeError(
        'ERR_FENCED',
        `expected process '${name}' at this address, found '${who.name}'`,
      );
    return incarnation !== '' ? expected : this.owner.recognise(who, this.outlet.link as Link);
  }

  /** R3: a name counts only if the registry knows the incarnation under it. */
  private async verify(who: Introduction): Promise<void> {
    const { name, incarnation } = who;
    this.verifying = true;
    try {
      const peer = await this.owner.identify(who, this.outlet.link as Link);
      if (this.ended) return;
      if (peer === null || peer.name !== name)
        throw new PigeonholeError(
          'ERR_NOT_OURS',
          `a process says it is '${name}' (${incarnation}), but no such process has joined`,
        );
      this.welcome(peer);
    } catch (error) {
      // This process is leaving: to the other side it is as if it had gone before, and nobody has done anything wrong.
      if (error instanceof PigeonholeError && error.code === 'ERR_PEER_DOWN') this.breakOff(error);
      else this.violated(error);
    }
  }

  private welcome(peer: PeerInfo): void {
    if (!this.greeted) this.greet(peer);
    this.peer = peer;
    this.parser.limit = this.owner.limits.maxMessageBytes + FRAME_OVERHEAD;
    this.owner.opened(this);
    this.settleReady.resolve();
  }

  private onError(rest: Buffer): void {
    const { code, message } = parseJson(rest);
    const error = remoteError(code, message, this.peerName);
    this.owner.warn(
      new PigeonholeError(error.code, `process '${this.peerName}' closed the link: ${error.message}`, {
        transport: this.owner.transportName,
      }),
    );
    this.breakOff(error);
  }
}
