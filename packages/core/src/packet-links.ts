import { Buffer } from 'node:buffer';
import { PigeonholeError } from './errors.js';
import type { Link, LinkHandler } from './transport.js';

/** Bytes of one link that may be under way to the other side without its having handled them, unless the mechanism wants another. */
const WINDOW = 256 * 1024;

/** What stands before the payload: kind (1 byte), which side made the link (1), nothing (2), the link's number (4, little-endian). */
export const PACKET_HEAD = 8;

const Kind = { open: 1, opened: 2, refused: 3, data: 4, handled: 5, end: 6, reset: 7 } as const;

/** Little-endian, within the bytes. A DataView for each packet costs more than all the rest of its head. */
function wordAt(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  return (low + (((bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8)) << 16)) >>> 0;
}

/** What the mechanism does for the links on it: moves packets to a peer, whole, in order, reliably. */
export interface PacketCarrier {
  /** Longest payload of a packet. */
  readonly maxPayload: number;
  /** Where that depends on the peer: of a packet to it; never more than `maxPayload`. */
  maxPayloadTo?(peer: string): number;
  /** Bytes of one link that may be under way: the same at both ends. Default 262,144. */
  readonly window?: number;
  /**
   * Sends one packet without waiting. `head` is used again; the body may be kept. `false`: there is no room, nothing was taken, and
   * `PacketLinks.room(peer)` must be called when there is. For a peer that has gone `true`; `gone` follows. Must not call back.
   */
  send(peer: string, head: Uint8Array, body: Uint8Array, start: number, end: number): boolean;
  /** As `Link.sent`, of all packets that `send` took for that peer. Absent: they are out of this process's hands. */
  sent?(peer: string, done: () => void): boolean;
  /** Gives the handler of an incoming link, or null when nobody listens (any more) at `port`. */
  accept(link: Link, peer: string, port: string): LinkHandler | null;
  /**
   * A peer is dead or has left, by the word of the runtime's registry. For a mechanism that cannot see it: handle what has come from it, then
   * call `PacketLinks.gone`, in a later turn. Absent: it sees for itself.
   */
  down?(peer: string): void;
  /** A peer has no links any more. `drained`: nor is there anything left to tell it. */
  idle?(peer: string, drained: boolean): void;
}

interface Peer {
  readonly name: string;
  /** Those that were made from here under their number, those made there under its negative. */
  readonly links: Map<number, PacketLink>;
  /** Packets without payload of their own that found no room. */
  readonly waiting: { kind: number; side: number; number: number; body: Uint8Array }[];
  full: boolean;
}

/** Answers to packets of no link that may wait for room. */
const MAX_ANSWERS = 1024;

const nothing = new Uint8Array(0);

/**
 * Any number of links over one mechanism that moves packets: each a byte stream with a window of its own, so that one whose reader is
 * slow or stopped holds up no other, and nobody must hold more than a window of it.
 */
export class PacketLinks {
  private readonly peers = new Map<string, Peer>();
  private readonly head = new Uint8Array(PACKET_HEAD);
  private readonly headView = new DataView(this.head.buffer);
  private next = 1;

  /** @internal */
  readonly window: number;

  constructor(private readonly carrier: PacketCarrier) {
    this.window = carrier.window ?? WINDOW;
  }

  /** How many links there are. */
  get size(): number {
    let size = 0;
    for (const { links } of this.peers.values()) size += links.size;
    return size;
  }

  /** The peers that there are links with. */
  peerNames(): string[] {
    return [...this.peers.keys()];
  }

  /** Makes a link to a port of a peer. `ERR_PEER_DOWN` when nobody listens there, or the peer goes meanwhile. */
  connect(peer: string, port: string, handler: LinkHandler): Promise<Link> {
    const entry = this.entry(peer);
    const number = this.next++;
    return new Promise((resolve, reject) => {
      const link = new PacketLink(this, entry, 0, number, { resolve, reject });
      link.handler = handler;
      entry.links.set(number, link);
      this.control(entry, Kind.open, 0, number, Buffer.from(port));
    });
  }

  /**
   * A packet has come. `owned`: its bytes are the links' to keep. `more`: another one follows before the event loop turns. Nonsense is
   * answered with a reset, or dropped.
   */
  receive(peer: string, packet: Uint8Array, owned: boolean, more = false): void {
    if (packet.byteLength < PACKET_HEAD) return;
    const kind = packet[0] as number;
    const maker = packet[1] as number;
    const number = wordAt(packet, 4);
    const payload = packet.subarray(PACKET_HEAD);
    // Which side made the link is told from the sender's point of view.
    const key = maker === 0 ? -number : number;
    const entry = this.entry(peer);
    if (kind === Kind.open) this.accept(entry, number, payload);
    else {
      const link = entry.links.get(key);
      if (link !== undefined) link.receive(kind, payload, owned, more);
      else if (kind === Kind.data && entry.waiting.length < MAX_ANSWERS)
        this.control(entry, Kind.reset, maker === 0 ? 1 : 0, number);
    }
    this.forgetIdle(entry);
  }

  /** There may be room again for packets to a peer. */
  room(peer: string): void {
    const entry = this.peers.get(peer);
    if (entry === undefined) return;
    entry.full = false;
    this.sendWaiting(entry);
    for (const [key, link] of [...entry.links]) {
      link.room();
      if (!entry.full) continue;
      // The next room is first for the others.
      if (entry.links.delete(key)) entry.links.set(key, link);
      break;
    }
    this.forgetIdle(entry);
  }

  /** Peers are dead, or out of reach for good: their links are over. */
  gone(is: (peer: string) => boolean, error?: Error): void {
    for (const entry of [...this.peers.values()].filter(({ name }) => is(name))) {
      this.peers.delete(entry.name);
      for (const link of [...entry.links.values()]) link.finish(error);
      this.carrier.idle?.(entry.name, true);
    }
  }

  /**
   * The port is closed: gives up the links that are still being made, or those of these handlers. The other side may have gone without
   * having read that they were, and nobody tells of that any more.
   */
  abandon(of?: ReadonlySet<LinkHandler>): void {
    const error = new PigeonholeError('ERR_PEER_DOWN', 'this process has left while a link was being made');
    for (const { links } of [...this.peers.values()])
      for (const link of [...links.values()])
        if (link.isOpening && of?.has(link.handler) !== false) link.destroy(error);
  }

  /** @internal */
  sent(entry: Peer, done: () => void): boolean {
    return this.carrier.sent?.(entry.name, done) ?? true;
  }

  /** @internal */
  peerDown(entry: Peer): void {
    this.carrier.down?.(entry.name);
  }

  /** @internal */
  control(entry: Peer, kind: number, side: number, number: number, body: Uint8Array = nothing): void {
    entry.waiting.push({ kind, side, number, body });
    this.sendWaiting(entry);
  }

  /** @internal */
  data(entry: Peer, side: number, number: number, body: Uint8Array, start: number, limit: number): number {
    if (limit === 0 || entry.full || entry.waiting.length > 0) return 0;
    const { carrier } = this;
    const longest = carrier.maxPayloadTo?.(entry.name) ?? carrier.maxPayload;
    const length = Math.min(body.byteLength - start, limit, longest);
    return this.send(entry, Kind.data, side, number, body, start, start + length) ? length : 0;
  }

  /** @internal */
  forget(entry: Peer, side: number, number: number): void {
    entry.links.delete(side === 0 ? number : -number);
    this.forgetIdle(entry);
  }

  private accept(entry: Peer, number: number, port: Uint8Array): void {
    if (entry.links.has(-number)) return; // a second one under the same number: not from this code
    const link = new PacketLink(this, entry, 1, number, null);
    entry.links.set(-number, link);
    const handler = this.carrier.accept(link, entry.name, Buffer.from(port).toString());
    if (handler === null) {
      entry.links.delete(-number);
      this.control(entry, Kind.refused, 1, number);
      return;
    }
    link.handler = handler;
    if (entry.links.get(-number) === link) this.control(entry, Kind.opened, 1, number);
  }

  private sendWaiting(entry: Peer): void {
    while (!entry.full) {
      const first = entry.waiting[0];
      if (first === undefined) return;
      const { kind, side, number, body } = first;
      if (this.send(entry, kind, side, number, body, 0, body.byteLength)) entry.waiting.shift();
    }
  }

  private send(
    entry: Peer,
    kind: number,
    side: number,
    number: number,
    body: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    this.head[0] = kind;
    this.head[1] = side;
    this.headView.setUint32(4, number, true);
    entry.full = !this.carrier.send(entry.name, this.head, body, start, end);
    return !entry.full;
  }

  private entry(name: string): Peer {
    let entry = this.peers.get(name);
    if (entry === undefined) {
      entry = { name, links: new Map(), waiting: [], full: false };
      this.peers.set(name, entry);
    }
    return entry;
  }

  private forgetIdle(entry: Peer): void {
    if (entry.links.size > 0 || this.peers.get(entry.name) !== entry) return;
    const drained = entry.waiting.length === 0;
    if (drained) this.peers.delete(entry.name);
    this.carrier.idle?.(entry.name, drained);
  }
}

interface Opening {
  resolve(link: Link): void;
  reject(error: Error): void;
}

class PacketLink implements Link {
  handler!: LinkHandler;
  private readonly queue: Uint8Array[] = [];
  /** Of the first in the queue, what has left. */
  private sentOfFirst = 0;
  /** Batches that were written, and that have left. */
  private written = 0;
  private left = 0;
  private awaiting: { readonly after: number; readonly done: () => void }[] = [];
  private window: number;
  private handled = 0;
  private unreported = 0;
  private asked = false;
  private state: 'open' | 'closing' | 'closed' | 'over' = 'open';
  private otherClosed = false;
  /** What came after the link was opened and before who opened it could know. */
  private early: (() => void)[] | null = null;

  constructor(
    private readonly links: PacketLinks,
    private readonly peer: Peer,
    /** 0: made from here. */
    private readonly side: 0 | 1,
    private readonly number: number,
    private opening: Opening | null,
  ) {
    this.window = links.window;
  }

  /** @internal */
  get isOpening(): boolean {
    return this.opening !== null;
  }

  write(batch: Uint8Array): boolean {
    if (this.state !== 'open' || batch.byteLength === 0) return true;
    this.queue.push(batch);
    this.written++;
    // With others before it, this one waits for what they wait for.
    if (this.queue.length === 1) this.flush();
    this.asked = this.queue.length > 0;
    return !this.asked;
  }

  sent(done: () => void): boolean {
    if (this.queue.length === 0) return this.links.sent(this.peer, done);
    this.awaiting.push({ after: this.written, done });
    return false;
  }

  close(): void {
    if (this.state !== 'open') return;
    this.state = 'closing';
    if (this.queue.length > 0) return;
    this.flush();
    // The other side's end may be here already; nobody is told so from within this call.
    setImmediate(() => this.finishIfDone());
  }

  destroy(error?: Error): void {
    if (this.state === 'over') return;
    this.links.control(this.peer, Kind.reset, this.side, this.number);
    const report = this.end();
    setImmediate(() => report(error));
  }

  peerDown(): void {
    if (this.state !== 'over') this.links.peerDown(this.peer);
  }

  /** @internal there may be room */
  room(): void {
    if (this.state === 'over') return;
    this.flush();
    this.tellSent();
    this.finishIfDone();
    if (!this.asked || this.queue.length > 0 || this.state !== 'open') return;
    this.asked = false;
    this.handler.drain();
  }

  /** @internal */
  receive(kind: number, payload: Uint8Array, owned: boolean, more = false): void {
    if (this.early !== null) {
      // Not by `slice`, which on a Buffer is a view.
      const kept = owned ? payload : Uint8Array.from(payload);
      this.early.push(() => this.receive(kind, kept, true));
      return;
    }
    if (this.state === 'over') return;
    if (kind === Kind.data) this.arrive(payload, owned, more);
    else if (kind === Kind.handled && payload.byteLength === 4) {
      this.window = Math.min(this.links.window, this.window + wordAt(payload, 0));
      this.room();
    } else if (kind === Kind.opened) this.opened();
    else if (kind === Kind.end) {
      this.otherClosed = true;
      if (this.state === 'open') this.state = 'closing';
      this.room();
    } else if (kind === Kind.refused || kind === Kind.reset) this.finish();
  }

  /** @internal the link is over, and not from here */
  finish(error?: Error): void {
    if (this.state === 'over') return;
    if (this.early !== null) {
      this.early.push(() => this.finish(error));
      return;
    }
    this.end()(error);
  }

  private arrive(payload: Uint8Array, owned: boolean, more: boolean): void {
    this.handled += payload.byteLength;
    if (this.handled > this.links.window) {
      this.links.control(this.peer, Kind.reset, this.side, this.number);
      this.finish(
        new PigeonholeError('ERR_FRAME', `${this.handled} bytes came in a window of ${this.links.window}`),
      );
      return;
    }
    this.handler.data(payload, owned, more);
    if (this.asState() === 'over') return;
    this.unreported += payload.byteLength;
    // Fewer reports than packets, and none so late that the writer must wait.
    if (this.unreported < this.links.window / (more ? 2 : 4)) return;
    const report = new Uint8Array(4);
    new DataView(report.buffer).setUint32(0, this.unreported, true);
    this.handled -= this.unreported;
    this.unreported = 0;
    this.links.control(this.peer, Kind.handled, this.side, this.number, report);
  }

  private opened(): void {
    const { opening } = this;
    if (opening === null) return;
    this.opening = null;
    this.early = [];
    opening.resolve(this);
    // Who awaits the link has it by then.
    setImmediate(() => {
      const early = this.early ?? [];
      this.early = null;
      for (const event of early) event();
    });
  }

  private flush(): void {
    for (let first = this.queue[0]; first !== undefined; first = this.queue[0]) {
      const taken = this.links.data(this.peer, this.side, this.number, first, this.sentOfFirst, this.window);
      if (taken === 0) return;
      this.window -= taken;
      this.sentOfFirst += taken;
      if (this.sentOfFirst < first.byteLength) continue;
      this.queue.shift();
      this.sentOfFirst = 0;
      this.left++;
    }
    if (this.state !== 'closing') return;
    this.state = 'closed';
    this.links.control(this.peer, Kind.end, this.side, this.number);
  }

  private tellSent(): void {
    while (this.awaiting[0] !== undefined && this.awaiting[0].after <= this.left) {
      const { done } = this.awaiting.shift() as { done: () => void };
      if (this.links.sent(this.peer, done)) done();
    }
  }

  private finishIfDone(): void {
    if (this.state === 'closed' && this.otherClosed) this.finish();
  }

  /** Ends the state; gives what tells the handler, or whoever waits for the link to open. */
  private end(): (error?: Error) => void {
    const { opening } = this;
    this.state = 'over';
    this.opening = null;
    this.queue.length = 0;
    this.links.forget(this.peer, this.side, this.number);
    // By then it has a handler, even if who was asked for one ended the link meanwhile.
    if (opening === null) return (error) => this.handler.end(error);
    return (error) =>
      opening.reject(
        error ?? new PigeonholeError('ERR_PEER_DOWN', 'nothing listens there', { address: this.peer.name }),
      );
  }

  /** The state as a handler may have left it, which the compiler cannot see. */
  private asState(): string {
    return this.state;
  }
}
