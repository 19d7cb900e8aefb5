import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { hasSystemCode, PigeonholeError } from './errors.js';
import { PACKET_HEAD, type PacketCarrier, PacketLinks } from './packet-links.js';
import type { Link, LinkHandler, PortContext } from './transport.js';

/** What a frame is: one write into an inbox, which the kernel keeps whole. */
export const FrameKind = {
  /** Begins a stream; the payload is the address of the writer's own inbox, where it is answered. */
  introduction: 1,
  /** A packet of the links. */
  packet: 2,
  /** The other direction lacks a frame: all links between the two are over. */
  broken: 3,
} as const;

/** Streams into an inbox that are remembered; of more the oldest goes. */
const MAX_STREAMS = 65_536;

/** Between the probes of an inbox that does not answer: first, and at most (milliseconds). */
const FIRST_PROBE = 50;
const LAST_PROBE = 2_000;

const nothing = new Uint8Array(0);

/** The way into the inbox of another process. */
export interface Outbox {
  /** Longest payload of a packet, where not all inboxes take the same. */
  readonly maxPayload?: number;
  /**
   * Writes one frame, without waiting. `false`: there is no room, nothing was taken, and `room` follows once there is. Throws a
   * `PigeonholeError` when nobody reads that inbox any more. `head` is used again.
   */
  write(head: Uint8Array, body: Uint8Array, start: number, end: number): boolean;
  /** Has `gone` called if nobody reads there any more: for a mechanism that does not tell of it, before the registry can. */
  probe?(): void;
  close(): void;
}

export interface OutboxEvents {
  /** After a write found no room. */
  room(): void;
  /** Nobody reads that inbox any more: its process is dead, or done. */
  gone(): void;
}

/** What the mechanism does for links over inboxes: one inbox a process, into which all others write. */
export interface Inbox {
  /** Where others find it. */
  readonly address: string;
  /** Of the transport, for errors. */
  readonly transport: string;
  /** Bytes of a frame before its payload. */
  readonly frameHead: number;
  /** Longest payload of a packet (a frame's, less `PACKET_HEAD`). */
  readonly maxPayload: number;
  /** As `PacketCarrier.window`. */
  readonly window?: number;
  /** Nothing here tells of another's death: the registry's word ends the links with it. Absent: `OutboxEvents.gone` does, or the transport. */
  readonly blind?: boolean;
  /** Whether that is the address of another process's inbox, of this namespace. */
  isPeer(address: string): boolean;
  writeHead(head: Buffer, kind: number, stream: bigint, sequence: number, payload: number): void;
  /** `ERR_PEER_DOWN` when nobody reads there. */
  open(address: string, events: OutboxEvents): Outbox;
  /** Hands over, in frames, what lies in the inbox: what one who has gone has written comes before the end of the links with it. */
  drain(): void;
  /** Of its port. */
  readonly context: Pick<PortContext, 'accept' | 'warn'>;
  /** The port is closed, and its last link over: nothing is to be read any more. */
  done(): void;
}

interface Incoming {
  readonly peer: string;
  /** Sequence of the next frame. */
  next: number;
}

/** This process's frames into the inbox of another: a stream that says whose it is, and then counts. */
class Stream {
  private readonly id = randomBytes(8).readBigUInt64LE(0);
  /** The frame's head and, behind it, that of the packet. */
  private readonly head: Buffer;
  private introduced = false;
  private sequence = 0;

  constructor(
    private readonly inbox: Inbox,
    readonly outbox: Outbox,
    private readonly gone: () => void,
  ) {
    this.head = Buffer.alloc(inbox.frameHead + PACKET_HEAD);
  }

  send(packetHead: Uint8Array, body: Uint8Array, start: number, end: number): boolean {
    if (!this.introduced) {
      const own = Buffer.from(this.inbox.address);
      this.introduced = this.write(FrameKind.introduction, nothing, own, 0, own.length);
    }
    return this.introduced && this.write(FrameKind.packet, packetHead, body, start, end);
  }

  /** Best effort: without room, the next frames are refused there as here. */
  sayBroken(): void {
    this.write(FrameKind.broken, nothing, nothing, 0, 0);
  }

  private write(kind: number, packetHead: Uint8Array, body: Uint8Array, start: number, end: number): boolean {
    const { head, inbox } = this;
    const { frameHead } = inbox;
    inbox.writeHead(head, kind, this.id, this.sequence, packetHead.byteLength + end - start);
    head.set(packetHead, frameHead);
    try {
      const written = this.outbox.write(
        head.subarray(0, frameHead + packetHead.byteLength),
        body,
        start,
        end,
      );
      if (written) this.sequence = (this.sequence + 1) >>> 0;
      return written;
    } catch (error) {
      if (!(error instanceof PigeonholeError)) throw error;
      setImmediate(this.gone);
      return true;
    }
  }
}

/**
 * Links between processes each of which has one inbox that all others write into: `PacketLinks` on frames that the kernel keeps whole. A peer is
 * known by the address of its inbox, a frame by its stream, which its peer has begun. Whoever may write into the inbox can begin one in a
 * peer's name: that by itself takes nothing from the peer, but what follows counts as the peer's.
 */
export class InboxLinks implements PacketCarrier {
  readonly maxPayload: number;
  readonly window?: number;
  readonly down?: (peer: string) => void;
  private readonly links: PacketLinks;
  private readonly incoming = new Map<bigint, Incoming>();
  private readonly streams = new Map<string, Stream>();
  private listening = true;
  private over = false;
  private taking = false;

  constructor(private readonly inbox: Inbox) {
    this.maxPayload = inbox.maxPayload;
    if (inbox.window !== undefined) this.window = inbox.window;
    if (inbox.blind) this.down = (peer) => setImmediate(() => this.gone(peer));
    this.links = new PacketLinks(this);
  }

  // For the port

  /** `ERR_PEER_DOWN` when nobody reads that inbox; what else keeps it from being written to is said with its reason. */
  async connect(address: string, handler: LinkHandler): Promise<Link> {
    const { outbox } = this.stream(address);
    const made = this.links.connect(address, '', handler);
    let timer: NodeJS.Timeout | undefined;
    const probe = (pause: number): void => {
      timer = setTimeout(() => {
        outbox.probe?.();
        probe(Math.min(2 * pause, LAST_PROBE));
      }, pause);
    };
    if (outbox.probe !== undefined) probe(FIRST_PROBE);
    try {
      return await made;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether frames of that stream are taken. */
  knows(stream: bigint): boolean {
    return this.incoming.has(stream);
  }

  /**
   * A frame has come. `sequence`: null where the kernel loses none. `more`: another one follows before the event loop turns. Those of no stream
   * are passed over.
   */
  take(kind: number, stream: bigint, sequence: number | null, payload: Uint8Array, more = false): void {
    this.taking = true;
    try {
      if (kind === FrameKind.introduction) return this.introduce(stream, Buffer.from(payload).toString());
      const known = this.incoming.get(stream);
      if (known === undefined) return;
      if (sequence !== null && sequence !== known.next) return this.breakOff(known, sequence);
      known.next = (known.next + 1) >>> 0;
      if (kind === FrameKind.packet) this.links.receive(known.peer, payload, false, more);
      else this.lose(known.peer);
    } finally {
      this.taking = false;
    }
  }

  /** Nobody reads that inbox any more. */
  gone(peer: string): void {
    if (!this.taking && !this.over) this.inbox.drain();
    this.lose(peer);
  }

  /**
   * No more links; those that are open stay, and with them the inbox, which `unlink` keeps others from finding. What a stopped process
   * has no room for is then left unsaid.
   */
  async close(unlink: () => void | Promise<void>): Promise<void> {
    if (!this.listening) return;
    this.listening = false;
    try {
      await unlink();
    } finally {
      this.links.abandon();
      this.closeIfDone();
    }
  }

  // For the links

  maxPayloadTo(peer: string): number {
    return this.streams.get(peer)?.outbox.maxPayload ?? this.maxPayload;
  }

  send(peer: string, head: Uint8Array, body: Uint8Array, start: number, end: number): boolean {
    try {
      return this.stream(peer).send(head, body, start, end);
    } catch (error) {
      setImmediate(() =>
        this.lose(peer, hasSystemCode(error, 'ERR_PEER_DOWN') ? undefined : (error as Error)),
      );
      return true;
    }
  }

  accept(link: Link): LinkHandler | null {
    return this.listening ? this.inbox.context.accept(link) : null;
  }

  idle(peer: string, drained: boolean): void {
    if (drained) this.drop(peer);
    setImmediate(() => this.closeIfDone());
  }

  private stream(peer: string): Stream {
    let stream = this.streams.get(peer);
    if (stream !== undefined) return stream;
    const gone = (): void => {
      if (this.streams.get(peer) === stream) this.gone(peer);
    };
    const outbox = this.inbox.open(peer, { room: () => this.links.room(peer), gone });
    stream = new Stream(this.inbox, outbox, gone);
    this.streams.set(peer, stream);
    return stream;
  }

  private introduce(stream: bigint, peer: string): void {
    const { address, transport } = this.inbox;
    if (!this.inbox.isPeer(peer)) {
      const who = `a process with the inbox ${peer.slice(0, 200)}`;
      return this.inbox.context.warn(
        new PigeonholeError('ERR_NOT_OURS', `${who} wrote to ${address}`, { transport }),
      );
    }
    // One that has carried something counts as long as there are links: it has just ended over there and not here, or this one is not the peer's.
    const linked = this.links.peerNames().includes(peer);
    this.forget(peer, ({ next }) => !linked || next === 1);
    const [oldest] = this.incoming.keys();
    if (this.incoming.size >= MAX_STREAMS && oldest !== undefined) this.incoming.delete(oldest);
    this.incoming.set(stream, { peer, next: 1 });
  }

  /** Somebody else has cost this stream a frame: its links cannot go on. */
  private breakOff({ peer, next }: Incoming, sequence: number): void {
    const error = new PigeonholeError(
      'ERR_FRAME',
      `frame ${sequence} came from ${peer} where ${next} was due: the links with it are cut`,
      { address: peer, transport: this.inbox.transport },
    );
    this.inbox.context.warn(error);
    this.streams.get(peer)?.sayBroken();
    this.lose(peer, error);
  }

  private lose(peer: string, error?: Error): void {
    this.forget(peer);
    this.links.gone((name) => name === peer, error);
    this.drop(peer);
  }

  private forget(peer: string, which: (incoming: Incoming) => boolean = () => true): void {
    for (const [stream, incoming] of this.incoming)
      if (incoming.peer === peer && which(incoming)) this.incoming.delete(stream);
  }

  private drop(peer: string): void {
    this.streams.get(peer)?.outbox.close();
    this.streams.delete(peer);
  }

  private closeIfDone(): void {
    if (this.listening || this.over || this.links.size > 0) return;
    this.over = true;
    for (const peer of [...this.streams.keys()]) this.drop(peer);
    this.inbox.done();
  }
}
