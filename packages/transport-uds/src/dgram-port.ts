import { lstatSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import {
  checkSocketPath,
  type Link,
  type LinkHandler,
  PACKET_HEAD,
  type PacketCarrier,
  PacketLinks,
  PigeonholeError,
  type Port,
  type PortContext,
  socketError,
} from '@pigeonhole/core/transport';
import type { Credentials, DatagramReceiver } from '@pigeonhole/native';
import { DATAGRAM_HEAD, Kind, MAX_DATAGRAM, readDatagram } from './dgram-frames.js';
import { Outbox } from './dgram-outbox.js';
import type { Gate, Native } from './gate.js';

/** Streams into this socket that are remembered; of more the oldest goes. */
const MAX_STREAMS = 65_536;
/** Processes of whose datagrams the operator has been told that they are refused; of more nothing is said. */
const MAX_WARNED = 1_024;
/** What a socket's queue may hold where the system does not say. */
const MOST_QUEUED = 1_024;
/** Between the tries to find out whether somebody who does not answer lives: first, and at most (milliseconds). */
const FIRST_PROBE = 50;
const LAST_PROBE = 2_000;

/** The socket of a process, and the links with others through it and theirs. A peer is known by the path of its socket. */
export class DatagramPort implements Port, PacketCarrier {
  readonly maxPayload: number;
  private readonly links = new PacketLinks(this);
  /** Peers by their streams. */
  private readonly incoming = new Map<bigint, string>();
  private readonly outboxes = new Map<string, Outbox>();
  private readonly warned = new Set<number>();
  private readonly receiver: DatagramReceiver;
  private readonly mostQueued = queueLength();
  private listening = true;

  private constructor(
    readonly address: string,
    private readonly context: PortContext,
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
    if (!this.isSocket(address))
      throw new PigeonholeError(
        'ERR_TRANSPORT',
        `cannot connect to ${address}: it is no datagram socket in ${dirname(this.address)}`,
        { address, transport: 'uds-dgram' },
      );
    const outbox = this.outbox(address); // what cannot be reached is said with its reason
    const probing = this.probe(outbox, FIRST_PROBE);
    try {
      return await this.links.connect(address, '', handler);
    } finally {
      probing.stop();
    }
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
      const down = error instanceof PigeonholeError && error.code === 'ERR_PEER_DOWN';
      setImmediate(() => this.lose(peer, down ? undefined : (error as Error)));
      return true;
    }
  }

  accept(link: Link): LinkHandler | null {
    return this.listening ? this.context.accept(link) : null;
  }

  down(peer: string): void {
    setImmediate(() => this.mourn(peer));
  }

  idle(peer: string, drained: boolean): void {
    if (drained) this.drop(peer);
    setImmediate(() => this.closeIfDone());
  }

  private outbox(peer: string): Outbox {
    let outbox = this.outboxes.get(peer);
    if (outbox !== undefined) return outbox;
    this.checkOwner(peer);
    outbox = new Outbox(this.native, peer, this.address, PACKET_HEAD, {
      room: () => this.links.room(peer),
      gone: () => {
        if (this.outboxes.get(peer) === outbox) this.mourn(peer);
      },
    });
    this.outboxes.set(peer, outbox);
    return outbox;
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
    const probe = new Outbox(this.native, this.address, this.address, 0, { room: () => {}, gone: () => {} });
    const { maxBytes } = probe;
    probe.close();
    return maxBytes;
  }

  /** Nobody tells of the death of a process that has not answered yet; the kernel does if it is asked. */
  private probe(outbox: Outbox, pause: number): { stop(): void } {
    let next = pause;
    let timer: NodeJS.Timeout;
    const ask = (): void => {
      outbox.probe();
      next = Math.min(2 * next, LAST_PROBE);
      timer = setTimeout(ask, next);
    };
    timer = setTimeout(ask, next);
    return { stop: () => clearTimeout(timer) };
  }

  private take(bytes: Uint8Array | null, from: Credentials): void {
    const refusal = this.gate.judge(from, this.address);
    if (refusal !== null) return this.warnOf(from, refusal);
    const datagram = bytes === null ? null : readDatagram(bytes);
    if (datagram === null) return this.warnOf(from, this.nonsense(from, bytes));
    const { kind, stream, payload } = datagram;
    if (kind === Kind.introduction) return this.introduce(stream, Buffer.from(payload).toString(), from);
    const peer = this.incoming.get(stream);
    if (kind === Kind.packet && peer !== undefined) this.links.receive(peer, payload, false);
  }

  private introduce(stream: bigint, peer: string, from: Credentials): void {
    if (!this.isSocket(peer))
      return this.warnOf(
        from,
        new PigeonholeError(
          'ERR_NOT_OURS',
          `process ${from.pid}, whose socket is ${peer.slice(0, 200)}, wrote to ${this.address}`,
          { transport: 'uds-dgram' },
        ),
      );
    this.forget(peer);
    const [oldest] = this.incoming.keys();
    if (this.incoming.size >= MAX_STREAMS && oldest !== undefined) this.incoming.delete(oldest);
    this.incoming.set(stream, peer);
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

  /** A peer is dead: what it has sent lies here, and comes first. */
  private mourn(peer: string): void {
    this.receiver.drain(this.mostQueued);
    this.lose(peer);
  }

  private lose(peer: string, error?: Error): void {
    this.forget(peer);
    this.links.gone((name) => name === peer, error);
    this.drop(peer);
  }

  private forget(peer: string): void {
    for (const [stream, owner] of this.incoming) if (owner === peer) this.incoming.delete(stream);
  }

  private drop(peer: string): void {
    this.outboxes.get(peer)?.close();
    this.outboxes.delete(peer);
  }

  /** Another process's socket of this namespace, by its path. */
  private isSocket(path: string): boolean {
    return dirname(path) === dirname(this.address) && /^[0-9a-f]{16}\.dgram$/.test(basename(path));
  }

  /** Links outlive the port: the socket is open until the last is over. What a stopped process has no room for is then left unsaid. */
  private closeIfDone(): void {
    if (this.listening || this.links.size > 0) return;
    this.receiver.close();
    for (const peer of [...this.outboxes.keys()]) this.drop(peer);
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
