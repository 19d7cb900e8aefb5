import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { PigeonholeError } from '../errors.js';
import type { NamespacePaths } from '../naming.js';
import type { PeerInfo } from '../transport.js';
import { connectUnix, listenUnix, type UnixListener } from '../unix-socket.js';
import { type Notice, parseNotice, parsePeer } from './notice.js';

/** Longest line of the presence protocol. */
const MAX_LINE = 64 * 1024;

/** Connections whose other end has not said who it is, and how long one may stay so (milliseconds). */
const MAX_STRANGERS = 256;
const HELLO_PATIENCE = 10_000;

/** Of so many that are gone it is remembered. */
const MAX_DEPARTED = 1024;

/** Between two tries to learn whether a peer whose connection is gone still lives (milliseconds). */
const ASK_AGAIN = 100;

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
  /** Ends it unless it has said who it is by then. */
  patience: NodeJS.Timeout | undefined;
}

interface Known {
  readonly peer: PeerInfo;
  readonly sockets: Set<Socket>;
  /** It has been asked whether it lives, and has said nothing since. */
  asked: boolean;
}

/**
 * Who lives. Each process listens on a socket of its own and holds a connection to that of every other; the kernel closes
 * them when a process dies, and only then, however stopped or busy it is. A listening socket refuses exactly when its process is gone.
 */
export class Presence {
  private readonly known = new Map<string, Known>();
  private readonly all = new Set<Socket>();
  private listener: UnixListener | null = null;
  /** Incarnations that were reported down: a word of theirs that is read only now does not bring them up again. Oldest first. */
  private readonly departed = new Set<string>();
  /** Oldest first. */
  private readonly strangers = new Set<Connection>();
  private over = false;

  constructor(
    private readonly paths: NamespacePaths,
    private readonly self: PeerInfo,
    private readonly events: PresenceEvents,
  ) {}

  async listen(): Promise<void> {
    const path = this.paths.presence(this.self.incarnation);
    this.listener = await listenUnix(
      path,
      this.paths.staging(path),
      (socket) => this.attend(socket, null),
      (error) => this.events.warn(error),
    );
  }

  peers(): PeerInfo[] {
    return [...this.known.values()].map(({ peer }) => peer);
  }

  knows(incarnation: string): PeerInfo | null {
    return this.known.get(incarnation)?.peer ?? null;
  }

  /**
   * The process of this incarnation if it lives: known already, or met now. Null when it is dead, or alive but not joined
   * (its record is not there yet); `alive` tells the two apart.
   */
  async meet(incarnation: string): Promise<{ peer: PeerInfo | null; alive: boolean }> {
    const known = this.known.get(incarnation);
    if (known !== undefined) return { peer: known.peer, alive: true };
    const socket = await this.reach(incarnation);
    if (socket === null) return { peer: null, alive: false };
    const peer = await this.record(incarnation);
    if (peer === null || this.over) {
      socket.destroy();
      return { peer: null, alive: true };
    }
    if (socket.destroyed) this.missed(peer);
    else this.attend(socket, peer);
    return { peer, alive: true };
  }

  /** Whether the process of this incarnation lives, without its learning of this one. */
  async answers(incarnation: string): Promise<boolean> {
    return this.known.has(incarnation) || this.listens(incarnation);
  }

  /** The same, whatever was known. */
  async listens(incarnation: string): Promise<boolean> {
    const socket = await this.reach(incarnation);
    socket?.destroy();
    return socket !== null;
  }

  tell(notice: Notice): void {
    for (const { sockets } of this.known.values()) for (const socket of sockets) write(socket, notice);
  }

  /** Stops listening, and then ends every connection: who sees the end and asks is refused. */
  async leave(): Promise<void> {
    if (this.over) return;
    this.over = true;
    const closed = this.listener?.close();
    for (const socket of this.all) socket.destroySoon();
    await closed;
  }

  /** Takes part in a connection: one this process made to `peer`, or (null) one that came in. */
  private attend(socket: Socket, peer: PeerInfo | null): void {
    if (this.over) {
      socket.destroy();
      return;
    }
    const connection: Connection = { socket, peer, text: '', patience: undefined };
    if (peer === null) this.await(connection);
    this.all.add(socket);
    socket.setEncoding('utf8');
    socket.on('error', () => {});
    socket.on('close', () => {
      this.all.delete(socket);
      this.strangers.delete(connection);
      clearTimeout(connection.patience);
      if (connection.peer !== null) void this.disconnected(connection.peer, socket);
    });
    socket.on('data', (chunk: string) => void this.heard(connection, chunk));
    if (peer !== null) this.greet(peer, socket);
  }

  /** Who has come in is answered only when its own hello has been read: to write to one that is dead by then would cost what it has said. */
  private greet(peer: PeerInfo, socket: Socket): void {
    write(socket, { is: 'hello', peer: this.self });
    this.connected(peer, socket);
  }

  /** Gives a stranger its time. Of too many the oldest goes: whoever has something to say does so at once. */
  private await(connection: Connection): void {
    if (this.strangers.size >= MAX_STRANGERS)
      for (const { socket } of [...this.strangers].slice(0, 1)) socket.destroy();
    this.strangers.add(connection);
    connection.patience = setTimeout(() => connection.socket.destroy(), HELLO_PATIENCE).unref();
  }

  private async heard(connection: Connection, chunk: string): Promise<void> {
    const { socket } = connection;
    const lines = (connection.text + chunk).split('\n');
    connection.text = lines.pop() as string;
    const inOrder = connection.text.length <= MAX_LINE;
    socket.pause();
    for (const line of lines)
      if (!(await this.take(connection, parseNotice(line)))) return this.refuse(connection);
    if (!inOrder) return this.refuse(connection);
    socket.resume();
  }

  private refuse({ socket, peer }: Connection): void {
    if (socket.destroyed) return;
    socket.destroy();
    const who = peer === null ? 'a process that has not said who it is' : peer.name;
    this.events.warn(
      new PigeonholeError('ERR_FRAME', `presence connection with ${who} closed: what came is no notice`),
    );
  }

  /** False for what does not belong there. */
  private async take(connection: Connection, notice: Notice | null): Promise<boolean> {
    if (notice === null) return false;
    if (notice.is === 'hello') return this.introduced(connection, notice.peer.incarnation);
    if (connection.peer === null) return false;
    this.events.hostChanged(notice.mailbox);
    return true;
  }

  /** A process is what its record says that it is, not what somebody says over a socket. */
  private async introduced(connection: Connection, incarnation: string): Promise<boolean> {
    if (connection.peer !== null) {
      const known = this.known.get(connection.peer.incarnation);
      if (known !== undefined) known.asked = false;
      return connection.peer.incarnation === incarnation;
    }
    if (incarnation === this.self.incarnation) return false;
    const peer = await this.record(incarnation);
    // It has left since it came, as one does that is short: nothing is wrong with what it said.
    if (this.over || peer === null || connection.socket.destroyed) {
      connection.socket.destroy();
      if (!this.over && peer !== null && !this.departed.has(incarnation)) this.missed(peer);
      return true;
    }
    connection.peer = peer;
    this.strangers.delete(connection);
    clearTimeout(connection.patience);
    this.greet(peer, connection.socket);
    return true;
  }

  /**
   * From now on `tell` reaches it. Only now is it told what there is: a stranger who was told at once would miss what comes up
   * while it is being identified.
   */
  private connected(peer: PeerInfo, socket: Socket): void {
    for (const notice of this.events.news()) write(socket, notice);
    const known = this.known.get(peer.incarnation);
    if (known !== undefined) {
      known.sockets.add(socket);
      return;
    }
    this.known.set(peer.incarnation, { peer, sockets: new Set([socket]), asked: false });
    this.events.up(peer);
  }

  /** It has joined, but hung up before it was attended to: dead by now, or out of descriptors. */
  private missed(peer: PeerInfo): void {
    if (this.known.has(peer.incarnation)) return;
    const known = { peer, sockets: new Set<Socket>(), asked: false };
    this.known.set(peer.incarnation, known);
    this.events.up(peer);
    void this.askAgain(known);
  }

  private depart(incarnation: string): void {
    const [oldest] = this.departed;
    if (this.departed.size >= MAX_DEPARTED && oldest !== undefined) this.departed.delete(oldest);
    this.departed.add(incarnation);
  }

  private async disconnected(peer: PeerInfo, socket: Socket): Promise<void> {
    const known = this.known.get(peer.incarnation);
    if (known === undefined) return;
    known.sockets.delete(socket);
    if (!this.over) await this.askAgain(known);
  }

  /**
   * A connection may have gone for another reason than death (no descriptors left there), and another may stay that somebody else
   * made in that process's name: asks the socket itself.
   */
  private async askAgain(known: Known): Promise<void> {
    const { peer, sockets } = known;
    const settled = (): boolean => this.over || this.known.get(peer.incarnation) !== known;
    try {
      // One that answers and hangs up (it has no descriptor left) is not asked without pause.
      if (known.asked) await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN).unref());
      if (settled()) return;
      known.asked = true;
      const again = await this.reach(peer.incarnation);
      if (settled() || (again !== null && sockets.size > 0)) again?.destroy();
      else if (again !== null) this.attend(again, peer);
      else {
        this.known.delete(peer.incarnation);
        for (const socket of sockets) socket.destroy();
        this.depart(peer.incarnation);
        this.events.down(peer);
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

  /** What it says of itself, whether or not it lives; null before it has joined. */
  async record(incarnation: string): Promise<PeerInfo | null> {
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
