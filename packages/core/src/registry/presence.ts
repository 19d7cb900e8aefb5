import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { PigeonholeError } from '../errors.js';
import { isIncarnation, isName, type NamespacePaths } from '../naming.js';
import type { PeerInfo } from '../transport.js';
import { connectUnix, listenUnix, type UnixListener } from '../unix-socket.js';

/** Longest line of the presence protocol. */
const MAX_LINE = 64 * 1024;

/** Connections whose other end has not said who it is, and how long one may stay so (milliseconds). */
const MAX_STRANGERS = 256;
const HELLO_PATIENCE = 10_000;

/** Between two tries to learn whether a peer whose connection is gone still lives (milliseconds). */
const ASK_AGAIN = 100;

/** What one process tells the others: a JSON object a line. */
export type Notice =
  | { readonly is: 'hello'; readonly peer: PeerInfo }
  | { readonly is: 'host'; readonly mailbox: string }
  | { readonly is: 'bye' };

export interface PresenceEvents {
  up(peer: PeerInfo): void;
  /** It is dead, or has taken leave. Whatever it left can be removed. */
  down(peer: PeerInfo): void;
  hostChanged(mailbox: string): void;
  /** What a newcomer is to be told at once. */
  news(): Notice[];
  warn(error: Error): void;
}

interface Connection {
  readonly socket: Socket;
  /** Who is at the other end; null until it has said so. */
  peer: PeerInfo | null;
  /** The beginning of a line whose end has not come. */
  text: string;
}

interface Known {
  readonly peer: PeerInfo;
  readonly sockets: Set<Socket>;
  leaving: boolean;
}

/**
 * Who lives. Each process listens on a socket of its own and holds a connection to that of every other; the kernel closes
 * them when a process dies, and only then, however stopped or busy it is. A listening socket refuses exactly when its process is gone.
 */
export class Presence {
  private readonly known = new Map<string, Known>();
  private readonly all = new Set<Socket>();
  private listener: UnixListener | null = null;
  private strangers = 0;
  private over = false;

  constructor(
    private readonly paths: NamespacePaths,
    private readonly self: PeerInfo,
    private readonly events: PresenceEvents,
  ) {}

  async listen(): Promise<void> {
    const path = this.paths.presence(this.self.incarnation);
    this.listener = await listenUnix(path, this.paths.staging(path), (socket) => this.attend(socket, null));
    this.listener.server.on('error', (error) => this.events.warn(error));
  }

  peers(): PeerInfo[] {
    return [...this.known.values()].filter(({ leaving }) => !leaving).map(({ peer }) => peer);
  }

  knows(incarnation: string): PeerInfo | null {
    const known = this.known.get(incarnation);
    return known === undefined || known.leaving ? null : known.peer;
  }

  /**
   * The process of this incarnation if it lives: known already, or met now. Null when it is dead, or alive but not joined
   * (its record is not there yet); `alive` tells the two apart.
   */
  async meet(incarnation: string): Promise<{ peer: PeerInfo | null; alive: boolean }> {
    const known = this.known.get(incarnation);
    if (known !== undefined) return { peer: known.leaving ? null : known.peer, alive: true };
    const socket = await this.reach(incarnation);
    if (socket === null) return { peer: null, alive: false };
    const peer = await this.record(incarnation);
    if (peer === null || this.over) {
      socket.destroy();
      return { peer: null, alive: true };
    }
    if (socket.destroyed) return this.meet(incarnation);
    this.attend(socket, peer);
    return { peer, alive: true };
  }

  /** Whether the process of this incarnation lives, without its learning of this one. */
  async answers(incarnation: string): Promise<boolean> {
    if (this.known.has(incarnation)) return true;
    const socket = await this.reach(incarnation);
    socket?.destroy();
    return socket !== null;
  }

  tell(notice: Notice): void {
    for (const { sockets } of this.known.values()) for (const socket of sockets) write(socket, notice);
  }

  /** Takes leave and stops listening. */
  async leave(): Promise<void> {
    if (this.over) return;
    this.over = true;
    this.tell({ is: 'bye' });
    for (const socket of this.all) socket.destroySoon();
    await this.listener?.close();
  }

  /** Takes part in a connection: one this process made to `peer`, or (null) one that came in. */
  private attend(socket: Socket, peer: PeerInfo | null): void {
    if (this.over || (peer === null && this.strangers >= MAX_STRANGERS)) {
      socket.destroy();
      return;
    }
    const connection: Connection = { socket, peer, text: '' };
    if (peer === null) {
      this.strangers++;
      socket.setTimeout(HELLO_PATIENCE, () => connection.peer === null && socket.destroy());
    }
    this.all.add(socket);
    socket.setEncoding('utf8');
    socket.on('error', () => {});
    socket.on('close', () => {
      this.all.delete(socket);
      if (connection.peer === null) this.strangers--;
      else void this.disconnected(connection.peer, socket);
    });
    socket.on('data', (chunk: string) => this.heard(connection, chunk));
    write(socket, { is: 'hello', peer: this.self });
    for (const notice of this.events.news()) write(socket, notice);
    if (peer !== null) this.connected(peer, socket);
  }

  private heard(connection: Connection, chunk: string): void {
    const lines = (connection.text + chunk).split('\n');
    connection.text = lines.pop() as string;
    const notices = lines.map(parseNotice);
    if (connection.text.length > MAX_LINE || !notices.every((notice) => this.take(connection, notice))) {
      connection.socket.destroy();
      const who = connection.peer === null ? 'a process that has not said who it is' : connection.peer.name;
      this.events.warn(
        new PigeonholeError('ERR_FRAME', `presence connection with ${who} closed: what came is no notice`),
      );
    }
  }

  /** False for what does not belong there. */
  private take(connection: Connection, notice: Notice | null): boolean {
    if (notice === null) return false;
    if (notice.is === 'hello') {
      if (connection.peer !== null) return connection.peer.incarnation === notice.peer.incarnation;
      if (notice.peer.incarnation === this.self.incarnation) return false;
      connection.peer = notice.peer;
      connection.socket.setTimeout(0);
      this.strangers--;
      this.connected(notice.peer, connection.socket);
    } else if (connection.peer === null) return false;
    else if (notice.is === 'host') this.events.hostChanged(notice.mailbox);
    else this.departing(connection.peer);
    return true;
  }

  private connected(peer: PeerInfo, socket: Socket): void {
    const known = this.known.get(peer.incarnation);
    if (known !== undefined) {
      known.sockets.add(socket);
      return;
    }
    this.known.set(peer.incarnation, { peer, sockets: new Set([socket]), leaving: false });
    this.events.up(peer);
  }

  private departing(peer: PeerInfo): void {
    const known = this.known.get(peer.incarnation);
    if (known === undefined || known.leaving) return;
    known.leaving = true;
    this.events.down(peer);
  }

  private async disconnected(peer: PeerInfo, socket: Socket): Promise<void> {
    const known = this.known.get(peer.incarnation);
    if (known === undefined) return;
    known.sockets.delete(socket);
    if (known.sockets.size > 0 || this.over) return;
    if (known.leaving) this.known.delete(peer.incarnation);
    else await this.askAgain(known);
  }

  /** The connection may have gone for another reason than death (no descriptors left there): asks the socket itself. */
  private async askAgain(known: Known): Promise<void> {
    const { peer, sockets } = known;
    const settled = (): boolean =>
      this.over || sockets.size > 0 || this.known.get(peer.incarnation) !== known;
    try {
      const again = await this.reach(peer.incarnation);
      if (settled()) again?.destroy();
      else if (again !== null) this.attend(again, peer);
      else {
        this.known.delete(peer.incarnation);
        if (!known.leaving) this.events.down(peer);
      }
    } catch (error) {
      // Nothing is known of the peer but that this process could not ask: no descriptor left here, for one.
      this.events.warn(error as Error);
      setTimeout(() => settled() || void this.askAgain(known), ASK_AGAIN).unref();
    }
  }

  /** Null when nothing listens there any more. */
  private async reach(incarnation: string): Promise<Socket | null> {
    try {
      return await connectUnix(this.paths.presence(incarnation));
    } catch (error) {
      if (error instanceof PigeonholeError && error.code === 'ERR_PEER_DOWN') return null;
      throw error;
    }
  }

  private async record(incarnation: string): Promise<PeerInfo | null> {
    try {
      const peer = parsePeer(JSON.parse(await readFile(this.paths.record(incarnation), 'utf8')));
      return peer?.incarnation === incarnation ? peer : null;
    } catch {
      return null;
    }
  }
}

function write(socket: Socket, notice: Notice): void {
  if (!socket.destroyed) socket.write(`${JSON.stringify(notice)}\n`);
}

function parsePeer(value: unknown): PeerInfo | null {
  if (typeof value !== 'object' || value === null) return null;
  const { name, incarnation, pid, ports } = value as Partial<PeerInfo>;
  if (!isName(name) || !isIncarnation(incarnation) || typeof pid !== 'number') return null;
  if (
    typeof ports !== 'object' ||
    ports === null ||
    Object.values(ports).some((port) => typeof port !== 'string')
  )
    return null;
  return { name, incarnation, pid, ports };
}

function parseNotice(line: string): Notice | null {
  try {
    const { is, peer, mailbox } = JSON.parse(line) as Record<string, unknown>;
    if (is === 'bye') return { is };
    if (is === 'host') return isName(mailbox) ? { is, mailbox } : null;
    const parsed = is === 'hello' ? parsePeer(peer) : null;
    return parsed === null ? null : { is: 'hello', peer: parsed };
  } catch {
    return null;
  }
}
