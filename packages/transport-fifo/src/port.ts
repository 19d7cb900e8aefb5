import { rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import {
  hasSystemCode,
  type Link,
  type LinkHandler,
  PACKET_HEAD,
  type PacketCarrier,
  PacketLinks,
  PigeonholeError,
  type Port,
  type PortContext,
} from '@pigeonhole/core/transport';
import { FifoReader, makeFifo } from '@pigeonhole/native';
import { type Frame, FrameReader, Kind, MAX_PAYLOAD } from './frames.js';
import { Outbox } from './outbox.js';

const READ_SIZE = 65_536;
/** What an inbox is to hold: the most that the system gives a user by default. */
const CAPACITY = 2 ** 20;
/** Of each link, so that a dozen busy ones do not fill an inbox: in one that is full, word that a message was taken has to wait, and the call with it. */
const WINDOW = 65_536;
/** Streams into this inbox that are remembered; of more the oldest goes. */
const MAX_STREAMS = 65_536;

interface Incoming {
  readonly peer: string;
  /** Sequence of the next frame. */
  next: number;
}

/** The inbox of a process, and the links with others through it and theirs. A peer is known by the path of its inbox. */
export class FifoPort implements Port, PacketCarrier {
  readonly maxPayload = MAX_PAYLOAD - PACKET_HEAD;
  readonly window = WINDOW;
  private readonly links = new PacketLinks(this);
  private readonly frames = new FrameReader(
    READ_SIZE,
    (kind, stream) => kind === Kind.introduction || this.incoming.has(stream),
    (frame) => this.take(frame),
  );
  private readonly incoming = new Map<bigint, Incoming>();
  private readonly outboxes = new Map<string, Outbox>();
  private listening = true;
  private reader!: FifoReader;

  private constructor(
    readonly address: string,
    private readonly context: PortContext,
  ) {}

  static async open(context: PortContext): Promise<FifoPort> {
    const path = context.path('fifo');
    const staging = context.staging(path);
    const port = new FifoPort(path, context);
    makeFifo(staging);
    try {
      // Read before it is found: a FIFO that nobody reads is one whose process is dead.
      port.reader = new FifoReader(staging, (bytes) => port.frames.take(bytes), {
        bufferBytes: READ_SIZE,
        capacity: CAPACITY,
        onError: (error) => context.warn(error),
      });
      await rename(staging, path);
    } catch (error) {
      port.reader?.close();
      await rm(staging, { force: true });
      if (error instanceof PigeonholeError) throw error;
      throw new PigeonholeError(
        'ERR_TRANSPORT',
        `cannot make the inbox ${path}: ${(error as Error).message}`,
        {
          address: path,
          cause: error,
          transport: 'fifo',
        },
      );
    }
    return port;
  }

  async connect(address: string, handler: LinkHandler): Promise<Link> {
    if (!this.isInbox(address))
      throw new PigeonholeError(
        'ERR_TRANSPORT',
        `cannot connect to ${address}: it is no inbox in ${dirname(this.address)}`,
        { address, transport: 'fifo' },
      );
    this.outbox(address); // what cannot be reached is said with its reason
    return this.links.connect(address, '', handler);
  }

  async close(): Promise<void> {
    if (!this.listening) return;
    this.listening = false;
    await rm(this.address, { force: true });
    this.links.abandon();
    this.closeIfDone();
  }

  // For the links

  send(peer: string, head: Uint8Array, body: Uint8Array, start: number, end: number): boolean {
    try {
      return this.outbox(peer).send(head, body, start, end);
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

  private outbox(peer: string): Outbox {
    let outbox = this.outboxes.get(peer);
    if (outbox !== undefined) return outbox;
    outbox = new Outbox(peer, this.address, PACKET_HEAD, {
      room: () => this.links.room(peer),
      gone: () => {
        if (this.outboxes.get(peer) !== outbox) return;
        // All that it wrote is in this inbox, and comes first.
        this.reader.drain(CAPACITY);
        this.lose(peer);
      },
    });
    this.outboxes.set(peer, outbox);
    return outbox;
  }

  private take({ kind, stream, sequence, payload, more }: Frame): void {
    if (kind === Kind.introduction) return this.introduce(stream, payload.toString());
    const known = this.incoming.get(stream);
    if (known === undefined) return;
    if (sequence !== known.next) return this.breakOff(known.peer, stream, sequence, known.next);
    known.next = (known.next + 1) >>> 0;
    if (kind === Kind.packet) this.links.receive(known.peer, payload, false, more);
    else this.lose(known.peer);
  }

  private introduce(stream: bigint, peer: string): void {
    if (!this.isInbox(peer)) {
      this.context.warn(
        new PigeonholeError(
          'ERR_NOT_OURS',
          `a process with the inbox ${peer.slice(0, 200)} wrote to ${this.address}`,
          {
            transport: 'fifo',
          },
        ),
      );
      return;
    }
    for (const [old, { peer: owner }] of this.incoming) if (owner === peer) this.incoming.delete(old);
    const [oldest] = this.incoming.keys();
    if (this.incoming.size >= MAX_STREAMS && oldest !== undefined) this.incoming.delete(oldest);
    this.incoming.set(stream, { peer, next: 1 });
  }

  /** Somebody else's bytes have cost this stream a frame: its links cannot go on. */
  private breakOff(peer: string, stream: bigint, sequence: number, expected: number): void {
    this.incoming.delete(stream);
    const error = new PigeonholeError(
      'ERR_FRAME',
      `frame ${sequence} came from ${peer} where ${expected} was due: the links with it are cut`,
      { address: peer, transport: 'fifo' },
    );
    this.context.warn(error);
    this.outboxes.get(peer)?.sayBroken();
    this.lose(peer, error);
  }

  private lose(peer: string, error?: Error): void {
    for (const [stream, { peer: owner }] of this.incoming) if (owner === peer) this.incoming.delete(stream);
    this.links.gone((name) => name === peer, error);
    this.drop(peer);
  }

  private drop(peer: string): void {
    this.outboxes.get(peer)?.close();
    this.outboxes.delete(peer);
  }

  /** Another process's inbox of this namespace, by its path. */
  private isInbox(path: string): boolean {
    return dirname(path) === dirname(this.address) && /^[0-9a-f]{16}\.fifo$/.test(basename(path));
  }

  /** Links outlive the port: the inbox is read until the last is over. What a stopped process has no room for is then left unsaid. */
  private closeIfDone(): void {
    if (this.listening || this.links.size > 0) return;
    this.reader.close();
    for (const peer of [...this.outboxes.keys()]) this.drop(peer);
  }
}
