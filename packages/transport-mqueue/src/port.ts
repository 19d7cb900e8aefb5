import { dirname } from 'node:path';
import {
  type Inbox,
  InboxLinks,
  type Link,
  type LinkHandler,
  type Outbox,
  type OutboxEvents,
  PACKET_HEAD,
  type PeerInfo,
  PigeonholeError,
  type Port,
  type PortContext,
} from '@pigeonhole/core/transport';
import { FRAME_HEAD, readFrame, writeHead } from './frames.js';
import type { InboxQueue, Mechanism } from './mechanism.js';
import { Owner } from './owner.js';
import { discardPosix } from './posix-inbox.js';
import { discardSysv } from './sysv-inbox.js';

/** Between two looks whether the lock of a dead process has gone (milliseconds); the wait doubles. */
const SWEEP_AGAIN_FIRST = 10;
const SWEEP_AGAIN_LAST = 5120;
const INCARNATION = /[0-9a-f]{16}$/;
/** Whatever this process uses: what is left of another kind, nobody else may come to remove. */
const discard = { posix: discardPosix, sysv: discardSysv } as const;

/** The inbox of a process, a queue, and the links with others through it and theirs. */
export class MqueuePort implements Port, Inbox {
  readonly transport = 'mqueue';
  readonly frameHead = FRAME_HEAD;
  readonly maxPayload: number;
  readonly window: number;
  readonly writeHead = writeHead;
  private readonly links: InboxLinks;
  private closed = false;
  private readonly directory: string;
  private readonly owner: Owner;
  private readonly queue: InboxQueue;

  constructor(
    readonly context: PortContext,
    private readonly mechanism: Mechanism,
  ) {
    this.maxPayload = payloadOf(mechanism);
    this.window = mechanism.window;
    this.links = new InboxLinks(this);
    this.directory = dirname(context.path('mqueue'));
    this.sweep();
    const { incarnation } = context.self;
    this.owner = Owner.register(this.directory, incarnation, mechanism.api);
    try {
      this.queue = mechanism.makeInbox(incarnation, (message, more) => this.take(message, more));
    } catch (error) {
      discard[mechanism.api](this.directory, incarnation);
      this.owner.release();
      throw error;
    }
  }

  get waitsInThread(): boolean {
    return this.mechanism.api === 'sysv';
  }

  get address(): string {
    return this.queue.address;
  }

  async connect(address: string, handler: LinkHandler): Promise<Link> {
    const incarnation = this.incarnationOf(address);
    if (incarnation === null)
      throw new PigeonholeError(
        'ERR_TRANSPORT',
        `cannot connect to ${address}: it is no inbox of this namespace with api '${this.mechanism.api}'; all its processes must name the same api`,
        { address, transport: 'mqueue' },
      );
    if (!Owner.lives(this.directory, incarnation, this.mechanism.api))
      throw new PigeonholeError('ERR_PEER_DOWN', `nobody reads ${address} any more`, { address });
    return this.links.connect(address, handler);
  }

  /** Nothing in a queue tells that nobody will ever read it. */
  peerDown({ ports, incarnation }: PeerInfo): void {
    const address = ports.mqueue;
    if (address !== undefined && address !== this.address) this.links.gone(address);
    this.bury(incarnation, SWEEP_AGAIN_FIRST);
  }

  close(): Promise<void> {
    return this.links.close(() => this.queue.unlink());
  }

  // For the links

  isPeer(address: string): boolean {
    return address !== this.address && this.incarnationOf(address) !== null;
  }

  open(address: string, { room }: OutboxEvents): Outbox {
    const queue = this.mechanism.openOutbox(this.incarnationOf(address) as string, room);
    return {
      maxPayload: payloadOf(queue),
      write: (head, body, start, end) => queue.send(head, body, start, end),
      close: () => queue.close(),
    };
  }

  drain(): void {
    this.queue.drain();
  }

  done(): void {
    this.closed = true;
    this.queue.close();
    this.owner.release();
    this.sweep();
  }

  private take(message: Uint8Array, more: boolean): void {
    const frame = readFrame(message);
    if (frame === null) return; // nobody's who has an inbox here
    const { kind, stream, sequence, payload } = frame;
    this.links.take(kind, stream, sequence, payload, more);
  }

  /** Of another process's inbox of this namespace; null for all else. */
  private incarnationOf(address: string): string | null {
    const incarnation = INCARNATION.exec(address)?.[0] ?? '';
    return incarnation !== '' && this.mechanism.addressOf(incarnation) === address ? incarnation : null;
  }

  private sweep(): void {
    Owner.sweep(this.directory, (incarnation, api) => discard[api](this.directory, incarnation));
  }

  /** A process that dies loses its descriptors one by one: the connection that tells of its death may be gone before its lock is. */
  private bury(incarnation: string, wait: number): void {
    if (this.closed) return;
    this.sweep();
    if (wait <= SWEEP_AGAIN_LAST && Owner.lives(this.directory, incarnation, this.mechanism.api))
      setTimeout(() => this.bury(incarnation, wait * 2), wait).unref();
  }
}

/** Longest payload of a packet in a message of so many bytes. */
function payloadOf({ messageBytes }: { readonly messageBytes: number }): number {
  return messageBytes - FRAME_HEAD - PACKET_HEAD;
}
