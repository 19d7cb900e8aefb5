import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import {
  type Link,
  type LinkHandler,
  type PacketCarrier,
  PacketLinks,
  PigeonholeError,
} from '@pigeonhole/core/transport';
import { formatPort, isWithin, parsePort, treeOf } from './address.js';
import { takeInheritance } from './inheritance.js';
import { MAX_PAYLOAD, Trunk, type TrunkFrame, trunkFrame } from './trunk.js';

/** Notices: what is at and below the address has gone, or all that is not. */
const BELOW = 'b'.charCodeAt(0);
const BEYOND = 'n'.charCodeAt(0);

type Accept = (link: Link) => LinkHandler;

/**
 * The pipes of this process, to its parent and to its children, and the links on them. It passes on what goes from one of them to
 * another: so two children of one process reach each other through it.
 */
export class Hub implements PacketCarrier {
  readonly maxPayload = MAX_PAYLOAD;
  readonly address: string;
  private readonly links = new PacketLinks(this);
  private readonly ports = new Map<string, Accept>();
  private readonly children = new Map<string, Trunk>();
  private parent: Trunk | null = null;
  private orphaned = false;
  private nextChild = 1;
  private nextPort = 1;
  /** From this process to itself: in a later turn, as everything else comes. */
  private homeward: Uint8Array[] = [];

  constructor() {
    const inherited = takeInheritance();
    this.address = inherited?.address ?? randomBytes(8).toString('hex');
    if (inherited === null) return;
    this.parent = this.trunk(
      inherited.read,
      inherited.write,
      () => {
        this.parent = null;
        this.orphaned = true;
        this.lost(BEYOND, this.address);
      },
      (from) => !isWithin(from, this.address),
    );
  }

  /** Listens under a port of its own. */
  listen(accept: Accept): string {
    const port = `${this.nextPort++}`;
    this.ports.set(port, accept);
    this.hold();
    return formatPort(this.address, Number(port));
  }

  /** No more links there, nor those that are being made for `dialling`; those that are open stay. */
  unlisten(address: string, dialling: ReadonlySet<LinkHandler>): void {
    this.ports.delete(parsePort(address)?.port ?? '');
    this.links.abandon(dialling);
    this.hold();
  }

  connect(address: string, handler: LinkHandler): Promise<Link> {
    const there = parsePort(address);
    const refusal =
      there === null
        ? 'that is no address of a process joined by pipes'
        : treeOf(there.process) !== treeOf(this.address)
          ? 'it does not descend from the same process; start both with spawnProcess of @pigeonhole/transport-pipe'
          : this.orphaned && !isWithin(there.process, this.address)
            ? 'the process that joined the two has ended'
            : null;
    if (there === null || refusal !== null)
      return Promise.reject(
        new PigeonholeError('ERR_TRANSPORT', `cannot reach ${address} through pipes: ${refusal}`, {
          address,
          transport: 'pipe',
        }),
      );
    const made = this.links.connect(there.process, there.port, handler);
    this.hold();
    return made;
  }

  /** Takes the parent's ends of the pipes to a new child, whose address it gives. */
  adopt(read: number, write: number, address: string): void {
    const trunk = this.trunk(
      read,
      write,
      () => {
        this.children.delete(address);
        this.lost(BELOW, address);
      },
      (from) => isWithin(from, address),
    );
    this.children.set(address, trunk);
    this.hold();
  }

  childAddress(): string {
    return `${this.address}/${this.nextChild++}`;
  }

  // For the links

  send(peer: string, head: Uint8Array, body: Uint8Array, start: number, end: number): boolean {
    const payload = body.subarray(start, end);
    if (peer === this.address) {
      if (this.homeward.length === 0) setImmediate(() => this.comeHome());
      this.homeward.push(Buffer.concat([head, payload]));
      return true;
    }
    const trunk = this.route(peer);
    if (trunk === null) {
      setImmediate(() => this.links.gone((name) => name === peer));
      return true;
    }
    if (trunk.full) return false;
    trunk.write(...trunkFrame(peer, this.address, head, payload));
    return true;
  }

  sent(peer: string, done: () => void): boolean {
    if (peer === this.address) return true;
    return this.route(peer)?.sent(done) ?? true;
  }

  accept(link: Link, _peer: string, port: string): LinkHandler | null {
    const handler = this.ports.get(port)?.(link) ?? null;
    this.hold();
    return handler;
  }

  idle(): void {
    this.hold();
  }

  private comeHome(): void {
    const packets = this.homeward;
    this.homeward = [];
    for (const packet of packets) this.links.receive(this.address, packet, true);
  }

  /** Pipes keep this process running as long as somebody here listens or has a link. */
  private hold(): void {
    const needed = this.ports.size > 0 || this.links.size > 0;
    for (const trunk of this.trunks())
      if (needed) trunk.ref();
      else trunk.unref();
  }

  private trunks(): Trunk[] {
    return [...this.children.values(), ...(this.parent === null ? [] : [this.parent])];
  }

  private trunk(read: number, write: number, end: () => void, mayBe: (from: string) => boolean): Trunk {
    const trunk: Trunk = new Trunk(read, write, {
      frame: (frame) => this.take(frame, trunk, mayBe),
      room: () => {
        for (const peer of this.waitingFor(trunk)) this.links.room(peer);
      },
      end,
    });
    return trunk;
  }

  private waitingFor(trunk: Trunk): string[] {
    return this.links.peerNames().filter((peer) => this.route(peer) === trunk);
  }

  private take(frame: TrunkFrame, trunk: Trunk, mayBe: (from: string) => boolean): void {
    const { to, from, packet, whole, more } = frame;
    if (to === '') return this.notice(packet[0], from, trunk);
    // Nobody speaks in the name of a process that is reached in another way.
    if (!mayBe(from)) return trunk.destroy();
    if (to === this.address) {
      this.links.receive(from, packet, false, more);
      return;
    }
    const onward = this.route(to);
    if (onward !== null && onward !== trunk) onward.write(Buffer.from(whole));
    else trunk.write(...trunkFrame('', to, Uint8Array.of(BELOW)));
  }

  private route(to: string): Trunk | null {
    if (!isWithin(to, this.address)) return this.parent;
    const child = to.slice(0, `${to}/`.indexOf('/', this.address.length + 1));
    return this.children.get(child) ?? null;
  }

  private notice(kind: number | undefined, address: string, from: Trunk): void {
    if (kind === BELOW || kind === BEYOND) this.lost(kind, address, from);
    else from.destroy();
  }

  /** Ends the links with processes that are out of reach, and passes the news on. */
  private lost(kind: number, address: string, from?: Trunk): void {
    const isLost = (peer: string): boolean => isWithin(peer, address) === (kind === BELOW);
    this.links.gone((peer) => peer !== this.address && isLost(peer));
    for (const trunk of this.trunks())
      if (trunk !== from) trunk.write(...trunkFrame('', address, Uint8Array.of(kind)));
    this.hold();
  }
}

const hubKey = Symbol.for('@pigeonhole/transport-pipe:hub');

/** The hub of this process: one, even where both builds of this package are loaded. */
export function hub(): Hub {
  const holder = globalThis as { [hubKey]?: Hub };
  holder[hubKey] ??= new Hub();
  return holder[hubKey];
}
