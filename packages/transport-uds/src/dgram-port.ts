import { Buffer } from 'node:buffer';
import { lstatSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import {
  checkSocketPath,
  type Inbox,
  InboxLinks,
  type Link,
  type LinkHandler,
  type OutboxEvents,
  PACKET_HEAD,
  PigeonholeError,
  type Port,
  type PortContext,
  socketError,
} from '@pigeonhole/core/transport';
import type { Credentials, DatagramReceiver } from '@pigeonhole/native';
import { DATAGRAM_HEAD, Kind, MAX_DATAGRAM, readDatagram, writeHead } from './dgram-frames.js';
import { DatagramOutbox } from './dgram-outbox.js';
import type { Gate, Native } from './gate.js';

/** Processes of whose datagrams the operator has been told that they are refused; of more nothing is said. */
const MAX_WARNED = 1_024;
/** What a socket's queue may hold where the system does not say. */
const MOST_QUEUED = 1_024;

/** The inbox of a process, a socket for datagrams, and the links with others through it and theirs. */
export class DatagramPort implements Port, Inbox {
  readonly transport = 'uds-dgram';
  readonly frameHead = DATAGRAM_HEAD;
  readonly maxPayload: number;
  readonly blind = true;
  readonly writeHead = writeHead;
  private readonly links: InboxLinks;
  private readonly warned = new Set<number>();
  private readonly receiver: DatagramReceiver;
  private readonly mostQueued = queueLength();

  private constructor(
    readonly address: string,
    readonly context: PortContext,
    private readonly gate: Gate,
    private readonly native: Native,
  ) {
    this.receiver = new native.DatagramReceiver(address, (bytes, from) => this.take(bytes, from), {
      maxBytes: MAX_DATAGRAM,
      onError: (error) => context.warn(error),
    });
    try {
      this.maxPayload = Math.min(MAX_DATAGRAM, this.longest()) - DATAGRAM_HEAD - PACKET_HEAD;
    } catch (error) {
      this.receiver.close();
      throw error;
    }
    this.links = new InboxLinks(this);
  }

  static async open(context: PortContext, gate: Gate): Promise<DatagramPort> {
    const path = context.path('dgram');
    checkSocketPath(path);
    try {
      return new DatagramPort(path, context, gate, gate.native as Native);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  async connect(address: string, handler: LinkHandler): Promise<Link> {
    if (!this.isPeer(address))
      throw new PigeonholeError(
        'ERR_TRANSPORT',
        `cannot connect to ${address}: it is no datagram socket in ${dirname(this.address)}`,
        { address, transport: 'uds-dgram' },
      );
    return this.links.connect(address, handler);
  }

  close(): Promise<void> {
    return this.links.close(() => rm(this.address, { force: true }));
  }

  // For the links

  isPeer(path: string): boolean {
    return dirname(path) === dirname(this.address) && /^[0-9a-f]{16}\.dgram$/.test(basename(path));
  }

  open(address: string, events: OutboxEvents): DatagramOutbox {
    this.checkOwner(address);
    return new DatagramOutbox(this.native, address, events);
  }

  drain(): void {
    this.receiver.drain(this.mostQueued);
  }

  done(): void {
    this.receiver.close();
  }

  /** The kernel does not say who is behind a datagram socket, as it does of a stream's; the file says whose it is. */
  private checkOwner(path: string): void {
    let owner: { uid: number; gid: number };
    try {
      owner = lstatSync(path);
    } catch (error) {
      throw socketError(error as Error, 'connect to', path);
    }
    const refusal = this.gate.judge({ ...owner, pid: 0 }, path);
    if (refusal !== null) throw refusal;
  }

  /** The longest datagram that the send buffer of this system takes. */
  private longest(): number {
    const probe = new DatagramOutbox(this.native, this.address, { room: () => {}, gone: () => {} });
    const { maxBytes } = probe;
    probe.close();
    return maxBytes;
  }

  private take(bytes: Uint8Array | null, from: Credentials): void {
    const refusal = this.gate.judge(from, this.address);
    if (refusal !== null) return this.warnOf(from, refusal);
    const datagram = bytes === null ? null : readDatagram(bytes);
    if (datagram === null) return this.warnOf(from, this.nonsense(from, bytes));
    const { kind, stream, payload } = datagram;
    if (kind === Kind.probe) return;
    const peer = kind === Kind.introduction ? Buffer.from(payload).toString() : null;
    if (peer === null || this.isPeer(peer)) return this.links.take(kind, stream, null, payload);
    const who = `process ${from.pid}, whose socket is ${peer.slice(0, 200)},`;
    this.warnOf(
      from,
      new PigeonholeError('ERR_NOT_OURS', `${who} wrote to ${this.address}`, { transport: 'uds-dgram' }),
    );
  }

  private nonsense({ pid }: Credentials, bytes: Uint8Array | null): PigeonholeError {
    const what =
      bytes === null ? `more than ${MAX_DATAGRAM} bytes` : `${bytes.byteLength} bytes that are no frame`;
    return new PigeonholeError(
      'ERR_FRAME',
      `process ${pid} sent ${what} to ${this.address}: they are dropped`,
      {
        transport: 'uds-dgram',
        address: this.address,
      },
    );
  }

  /** Once a process: it may send a million. */
  private warnOf({ pid }: Credentials, error: PigeonholeError): void {
    if (this.warned.has(pid) || this.warned.size >= MAX_WARNED) return;
    this.warned.add(pid);
    this.context.warn(error);
  }
}

/** How many datagrams a socket's queue can hold: what one who is dead has sent is among the next so many. */
function queueLength(): number {
  try {
    return Number(readFileSync('/proc/sys/net/unix/max_dgram_qlen', 'utf8')) + 1;
  } catch {
    return MOST_QUEUED;
  }
}
