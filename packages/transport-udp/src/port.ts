import type { Buffer } from 'node:buffer';
import type { Link, LinkHandler, Port, PortContext } from '@pigeonhole/core/transport';
import { formatAddress, isLoopback, parseAddress, place } from './address.js';
import { leastWindow } from './connection.js';
import { Dial } from './dial.js';
import { Door, newId } from './handshake.js';
import { type LinkOwner, UdpLink } from './link.js';
import type { Listen } from './options.js';
import {
  decodeCookie,
  decodeInit,
  decodeWelcome,
  encodeCookie,
  encodeMark,
  encodeRefused,
  encodeReset,
  encodeWelcome,
  idOf,
  Kind,
  kindOf,
  Refusal,
} from './packet.js';
import { openSocket, type Place, type Socket, socketTrouble } from './socket.js';

/** Bytes of the stream in a datagram to this host: ten times as fast as 1,200 in each, and a small part of any receive buffer. */
const LOOPBACK_PAYLOAD = 32_000;
/** And to another: with all headers below 1,280, which every path of IPv6 carries unfragmented (RFC 8200). */
const NETWORK_PAYLOAD = 1_200;
/** Share of the receive buffer that is promised; the rest is for acknowledgements, questions, handshakes and strangers. */
const PROMISED = 0.75;
/** A mark that has not come back is sent again after so long (milliseconds), so often. */
const MARK_PATIENCE = 50;
const MARK_TRIES = 3;

/** The one UDP socket of a process: every link's datagrams go through it, told apart by connection ids. */
export class UdpPort implements Port, LinkOwner {
  readonly address: string;
  private readonly self: Place;
  private readonly budget: number;
  private readonly door = new Door();
  private readonly links = new Map<string, UdpLink>();
  /** By where the other side is and its connection id. */
  private readonly remotes = new Map<string, UdpLink>();
  private readonly dials = new Map<string, Dial>();
  private readonly marks = new Map<string, () => void>();
  private readonly unsettled = new Set<UdpLink>();
  private settling = false;
  private closed = false;
  private socketClosed = false;

  private constructor(
    private readonly socket: Socket,
    private readonly context: PortContext,
  ) {
    const { host, port } = socket;
    this.address = formatAddress({ host, port, key: this.door.key });
    this.budget = Math.floor(socket.receiveBuffer * PROMISED);
    this.self = socket.placeOf(host, port);
  }

  /** Whose socket it is. */
  get module(): string {
    return this.socket.module;
  }

  static async open(context: PortContext, listen: Listen): Promise<UdpPort> {
    const socket = await openSocket(listen, {
      datagram: (datagram, from) => port.onDatagram(datagram, from),
      trouble: (error) => port.trouble(error),
    });
    const port = new UdpPort(socket, context);
    return port;
  }

  async connect(address: string, handler: LinkHandler): Promise<Link> {
    const to = parseAddress(address);
    const link = this.newLink(this.socket.placeOf(to.host, to.port));
    link.report(handler);
    const dial = new Dial(this, link, to, this.self.host);
    this.dials.set(link.id, dial);
    try {
      await dial.start();
    } catch (error) {
      this.over(link);
      throw error;
    }
    return link;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.closeSocketIfDone();
  }

  // For links

  /** The receive buffer is shared: with each link, what the others may have under way becomes less. */
  get window(): number {
    return Math.max(leastWindow(LOOPBACK_PAYLOAD), Math.floor(this.budget / Math.max(1, this.links.size)));
  }

  send(pieces: Uint8Array[], to: Place): void {
    if (!this.socketClosed) this.socket.send(to, pieces, this.onSent);
  }

  afterArrivals(then: () => void, tries = MARK_TRIES): void {
    if (this.socketClosed || tries === 0) return void setImmediate(then);
    const id = newId();
    const timer = setTimeout(() => {
      this.marks.delete(id);
      this.afterArrivals(then, tries - 1);
    }, MARK_PATIENCE);
    this.marks.set(id, () => {
      clearTimeout(timer);
      this.marks.delete(id);
      then();
    });
    this.send([encodeMark(id)], this.self);
  }

  over(link: UdpLink): void {
    this.links.delete(link.id);
    this.dials.get(link.id)?.stop();
    this.dials.delete(link.id);
    this.unsettled.delete(link);
    if (link.remote !== null) this.remotes.delete(remoteKey(link.at, link.remote));
    this.closeSocketIfDone();
  }

  private newLink(at: Place): UdpLink {
    const most = isLoopback(at.host) ? LOOPBACK_PAYLOAD : NETWORK_PAYLOAD;
    const link = new UdpLink(this, newId(), at, most);
    this.links.set(link.id, link);
    return link;
  }

  private closeSocketIfDone(): void {
    if (!this.closed || this.links.size > 0 || this.socketClosed) return;
    this.socketClosed = true;
    this.socket.close();
  }

  // Datagrams: anybody's, so whatever is not in order is dropped

  private onDatagram(datagram: Buffer, from: Place): void {
    const id = idOf(datagram);
    // Nobody can be answered at port 0.
    if (id === null || from.port === 0) return;
    const kind = kindOf(datagram);
    if (kind === Kind.data) return this.onData(datagram, id, from);
    if (kind === Kind.init) return this.onInit(datagram, from);
    // The kind and the id of an `init` are where they are in every version.
    if (kind === null) {
      if (datagram[0] === Kind.init) this.reply(encodeRefused(id, Refusal.version), from);
      return;
    }
    if (kind === Kind.mark) {
      if (isSame(from, this.self)) this.marks.get(id)?.();
      return;
    }
    if (kind === Kind.reset) return this.onReset(datagram, id, from);
    const link = this.links.get(id);
    const dial = this.dials.get(id);
    if (dial !== undefined && link !== undefined && isSame(link.at, from))
      this.onAnswer(kind, datagram, dial);
  }

  private onData(datagram: Buffer, id: string, from: Place): void {
    const link = this.links.get(id);
    if (link === undefined) return this.reply(encodeReset(id, true), from);
    if (!isSame(link.at, from)) return;
    link.receive(datagram);
    if (!link.connection.receiving.urgent) return;
    this.unsettled.add(link);
    if (this.settling) return;
    this.settling = true;
    setImmediate(this.settle);
  }

  /** Acknowledges what one turn of the event loop has brought. */
  private readonly settle = (): void => {
    this.settling = false;
    for (const link of this.unsettled) link.connection.settle();
    this.unsettled.clear();
  };

  private onInit(datagram: Buffer, from: Place): void {
    const init = decodeInit(datagram);
    if (init === null) return;
    const seconds = performance.now() / 1000;
    const where = place(from.host, from.port);
    const verdict = this.door.judge(init, where, seconds);
    if (verdict === 'stranger') return;
    if (this.closed) return this.reply(encodeRefused(init.from, Refusal.closed), from);
    if (verdict === 'ask')
      return this.reply(encodeCookie(init.from, this.door.cookie(init.from, where, seconds)), from);
    const key = remoteKey(from, init.from);
    let link = this.remotes.get(key);
    if (link === undefined && verdict === 'welcome') {
      this.door.use(init.from, where, seconds);
      link = this.newLink(from);
      this.remotes.set(key, link);
      // Before it is given out: whoever turns it away at once has to be able to forget it.
      link.remote = init.from;
      link.report(this.context.accept(link));
      link.start(init.from, init.window);
    }
    // Again, if the first was lost. None for the id of a connection that is over.
    if (link !== undefined && this.links.has(link.id))
      this.reply(encodeWelcome(init.from, link.id, this.window), from);
  }

  private onAnswer(kind: number, datagram: Buffer, dial: Dial): void {
    const { link } = dial;
    if (kind === Kind.refused) {
      dial.onRefused(datagram[2] as number);
      return;
    }
    if (kind === Kind.cookie) {
      const cookie = decodeCookie(datagram);
      if (cookie !== null) dial.onCookie(cookie);
    } else if (kind === Kind.welcome) {
      const welcome = decodeWelcome(datagram);
      if (welcome === null) return;
      this.dials.delete(link.id);
      this.remotes.set(remoteKey(link.at, welcome.from), link);
      dial.onWelcome(welcome.from, welcome.window);
    }
  }

  private onReset(datagram: Buffer, id: string, from: Place): void {
    const echoed = datagram[2] === 1;
    const link = echoed ? this.remotes.get(remoteKey(from, id)) : this.links.get(id);
    if (link !== undefined && isSame(link.at, from) && link.connection.started) link.reset();
  }

  private reply(packet: Buffer, to: Place): void {
    this.send([packet], to);
  }

  // What the kernel says

  private readonly troubles = new Set<number>();
  private readonly onSent = (error: Error | null): void => {
    if (error !== null) this.trouble(error);
  };

  /** A datagram that could not be sent is one that was lost; that it happens is said once for each reason. */
  private trouble(error: NodeJS.ErrnoException): void {
    const reason = error.errno ?? 0;
    if (this.socketClosed || this.troubles.has(reason)) return;
    this.troubles.add(reason);
    this.context.warn(socketTrouble(error, this.self));
  }
}

function isSame(one: Place, other: Place): boolean {
  return one === other || (one.port === other.port && one.host === other.host);
}

function remoteKey({ host, port }: Place, id: string): string {
  return `${host} ${port} ${id}`;
}
