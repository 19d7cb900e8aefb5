import { dirname } from 'node:path';
import {
  hasSystemCode,
  type Link,
  type LinkHandler,
  PACKET_HEAD,
  type PacketCarrier,
  PacketLinks,
  type PeerInfo,
  PigeonholeError,
  type Port,
  type PortContext,
} from '@pigeonhole/core/transport';
import { FRAME_HEAD, Kind, readFrame } from './frames.js';
import type { Inbox, Mechanism } from './mechanism.js';
import { Owner } from './owner.js';
import { Stream } from './stream.js';

/** Streams into this inbox that are remembered; of more the oldest goes. */
const MAX_STREAMS = 65_536;
/** Between two looks whether the lock of a dead process has gone (milliseconds); the wait doubles. */
const SWEEP_AGAIN_FIRST = 10;
const SWEEP_AGAIN_LAST = 5120;
const INCARNATION = /[0-9a-f]{16}$/;

interface Incoming {
  readonly peer: string;
  /** Sequence of the next frame. */
  next: number;
}

/** The inbox queue of a process, and the links with others through it and theirs. A peer is known by the address of its inbox. */
export class MqueuePort implements Port, PacketCarrier {
  readonly maxPayload: number;
  readonly window: number;
  private readonly links: PacketLinks;
  private readonly incoming = new Map<bigint, Incoming>();
  private readonly streams = new Map<string, Stream>();
  private listening = true;
  private closed = false;
  private taking = false;
  private readonly directory: string;
  private readonly owner: Owner;
  private readonly inbox: Inbox;

  constructor(
    private readonly context: PortContext,
    private readonly mechanism: Mechanism,
  ) {
    this.maxPayload = mechanism.messageBytes - FRAME_HEAD - PACKET_HEAD;
    this.window = mechanism.window;
    this.links = new PacketLinks(this);
    this.directory = dirname(context.path('mqueue'));
    this.sweep();
    const { incarnation } = context.self;
    this.owner = Owner.register(this.directory, incarnation);
    try {
      this.inbox = mechanism.makeInbox(incarnation, (message, more) => this.take(message, more));
    } catch (error) {
      mechanism.discard(incarnation);
      this.owner.release();
      throw error;
    }
  }

  get address(): string {
    return this.inbox.address;
  }

  async connect(address: string, handler: LinkHandler): Promise<Link> {
    const incarnation = this.incarnationOf(address);
    if (incarnation === null)
      throw new PigeonholeError(
        'ERR_TRANSPORT',
        `cannot connect to ${address}: it is no inbox of this namespace with api '${this.mechanism.api}'; all its processes must name the same api`,
        { address, transport: 'mqueue' },
      );
    if (!Owner.lives(this.directory, incarnation))
      throw new PigeonholeError('ERR_PEER_DOWN', `nobody reads ${address} any more`, { address });
    this.stream(address); // what cannot be reached is said with its reason
    return this.links.connect(address, '', handler);
  }

  /** Nothing in a queue tells that nobody will ever read it. */
  peerDown({ ports, incarnation }: PeerInfo): void {
    const address = ports.mqueue;
    // All that it wrote is in this inbox, and comes first.
    if (!this.taking) this.inbox.drain();
    if (address !== undefined && address !== this.address) this.lose(address);
    this.bury(incarnation, SWEEP_AGAIN_FIRST);
  }

  async close(): Promise<void> {
    if (!this.listening) return;
    this.listening = false;
    this.inbox.unlink();
    this.links.abandon();
    this.closeIfDone();
  }

  // For the links

  maxPayloadTo(peer: string): number {
    return this.streams.get(peer)?.maxPayload ?? this.maxPayload;
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
    return this.listening ? this.context.accept(link) : null;
  }

  idle(peer: string, drained: boolean): void {
    if (drained) this.drop(peer);
    setImmediate(() => this.closeIfDone());
  }

  private stream(peer: string): Stream {
    let stream = this.streams.get(peer);
    if (stream !== undefined) return stream;
    const incarnation = this.incarnationOf(peer) as string;
    stream = new Stream(this.mechanism, incarnation, this.address, {
      room: () => this.links.room(peer),
      gone: () => {
        if (this.streams.get(peer) === stream) this.lose(peer);
      },
    });
    this.streams.set(peer, stream);
    return stream;
  }

  private take(message: Uint8Array, more: boolean): void {
    const frame = readFrame(message);
    if (frame === null) return; // nobody's who has an inbox here
    const { kind, stream, sequence, payload } = frame;
    this.taking = true;
    try {
      if (kind === Kind.introduction) this.introduce(stream, Buffer.from(payload).toString());
      else this.accepted(kind, stream, sequence, payload, more);
    } finally {
      this.taking = false;
    }
  }

  private accepted(kind: number, stream: bigint, sequence: number, payload: Uint8Array, more: boolean): void {
    const known = this.incoming.get(stream);
    if (known === undefined) return;
    if (sequence !== known.next) return this.breakOff(known.peer, sequence, known.next);
    known.next = (known.next + 1) >>> 0;
    if (kind === Kind.packet) this.links.receive(known.peer, payload, false, more);
    else this.lose(known.peer);
  }

  private introduce(stream: bigint, peer: string): void {
    if (this.incarnationOf(peer) === null || peer === this.address) {
      const who = `a process with the inbox ${peer.slice(0, 200)}`;
      this.context.warn(
        new PigeonholeError('ERR_NOT_OURS', `${who} wrote to ${this.address}`, { transport: 'mqueue' }),
      );
      return;
    }
    // The one before counts as long as there are links: it has just ended over there and not here, or this one is not the peer's.
    if (!this.links.peerNames().includes(peer)) this.forgetStreams(peer);
    const [oldest] = this.incoming.keys();
    if (this.incoming.size >= MAX_STREAMS && oldest !== undefined) this.incoming.delete(oldest);
    this.incoming.set(stream, { peer, next: 1 });
  }

  private forgetStreams(of: string): void {
    for (const [stream, { peer }] of this.incoming) if (peer === of) this.incoming.delete(stream);
  }

  /** Somebody has taken a message out of this inbox: the links of its stream cannot go on. */
  private breakOff(peer: string, sequence: number, expected: number): void {
    const error = new PigeonholeError(
      'ERR_FRAME',
      `frame ${sequence} came from ${peer} where ${expected} was due: the links with it are cut`,
      { address: peer, transport: 'mqueue' },
    );
    this.context.warn(error);
    this.streams.get(peer)?.sayBroken();
    this.lose(peer, error);
  }

  private lose(peer: string, error?: Error): void {
    this.forgetStreams(peer);
    this.links.gone((name) => name === peer, error);
    this.drop(peer);
  }

  private drop(peer: string): void {
    this.streams.get(peer)?.close();
    this.streams.delete(peer);
  }

  /** Of another process's inbox of this namespace; null for all else. */
  private incarnationOf(address: string): string | null {
    const incarnation = INCARNATION.exec(address)?.[0] ?? '';
    return incarnation !== '' && this.mechanism.addressOf(incarnation) === address ? incarnation : null;
  }

  private sweep(): void {
    Owner.sweep(this.directory, (incarnation) => this.mechanism.discard(incarnation));
  }

  /** A process that dies loses its descriptors one by one: the connection that tells of its death may be gone before its lock is. */
  private bury(incarnation: string, wait: number): void {
    if (this.closed) return;
    this.sweep();
    if (wait <= SWEEP_AGAIN_LAST && Owner.lives(this.directory, incarnation))
      setTimeout(() => this.bury(incarnation, wait * 2), wait).unref();
  }

  /** Links outlive the port: the inbox is read until the last is over. What a stopped process has no room for is then left unsaid. */
  private closeIfDone(): void {
    if (this.listening || this.closed || this.links.size > 0) return;
    this.closed = true;
    this.inbox.close();
    for (const peer of [...this.streams.keys()]) this.drop(peer);
    this.owner.release();
    this.sweep();
  }
}
