import { type Capacity, checkCapacity, type Ordering } from './address.js';
import { PigeonholeError } from './errors.js';
import type { Envelope, Selector } from './message.js';
import { Queue } from './queue.js';
import type { ClaimState, HostRecord, Neighbourhood, Registry, RegistryEvents } from './registry/registry.js';
import { capacityMismatch, DEFAULT_CAPACITY } from './spec.js';
import type { MailboxSpec, PeerInfo, StoreAttachment, StoreChannel, StoreTransport } from './transport.js';
import type { ReceiveOperation, SendOperation } from './waiters.js';

interface Member {
  readonly peer: PeerInfo;
  readonly events: RegistryEvents;
  /** Until then it has its name, and is not to be found. */
  joined: boolean;
}

/** All that the runtimes of one namespace in this thread share. */
class World {
  readonly members = new Map<string, Member>();
  readonly mailboxes = new Map<string, { readonly queue: Queue; users: number }>();
  /** Who hosts which mailbox of a link transport that stays within this thread. */
  readonly hosts = new Map<string, HostRecord>();
}

/** The ESM and the CommonJS build of core, should both be loaded, must meet in the same worlds. */
const worldsKey = Symbol.for('@pigeonhole/core:memory-worlds');

function world(namespace: string): World {
  const holder = globalThis as { [worldsKey]?: Map<string, World> };
  holder[worldsKey] ??= new Map();
  const worlds = holder[worldsKey];
  let found = worlds.get(namespace);
  if (found === undefined) {
    found = new World();
    worlds.set(namespace, found);
  }
  return found;
}

/**
 * Mailboxes in the memory of this thread: for tests, for services that run in one process, and as the reference for what the
 * rules mean. Nothing leaves the thread, nothing touches the file system; bodies are encoded and decoded as on any other transport.
 * It has no options: any is `ERR_CONFIG`.
 */
export function memory(options: Readonly<Record<string, unknown>> = {}): StoreTransport {
  for (const key of Object.keys(options))
    throw new PigeonholeError('ERR_CONFIG', `transport 'memory' has no option '${key}'; it has none`, {
      transport: 'memory',
    });
  return {
    kind: 'store',
    name: 'memory',
    capabilities: { sync: false, crossThread: false, crossProcess: false, crossHost: false, durable: false },
    attach: async (context) => new MemoryAttachment(world(context.namespace)),
  };
}

class MemoryAttachment implements StoreAttachment {
  constructor(private readonly world: World) {}

  async open(spec: MailboxSpec): Promise<StoreChannel> {
    const { mailboxes } = this.world;
    let entry = mailboxes.get(spec.name);
    if (entry === undefined) {
      const capacity = checkCapacity(spec.capacity ?? DEFAULT_CAPACITY, `mailbox '${spec.name}'`);
      entry = { queue: new Queue(spec.name, capacity, spec.ordering ?? 'fifo', spec.maxBytes), users: 0 };
      mailboxes.set(spec.name, entry);
    }
    const { queue } = entry;
    const mismatch = capacityMismatch(spec, queue);
    if (mismatch !== null) throw mismatch;
    entry.users++;
    return new MemoryChannel(queue, () => this.leave(spec.name));
  }

  async close(): Promise<void> {}

  /** R24: a mailbox goes when the last process leaves it empty; one that holds messages stays for the next receiver. */
  private leave(name: string): void {
    const entry = this.world.mailboxes.get(name);
    // So does one with a send that waits, at capacity 0: its process has let go of an inbox whose owner is to come back.
    if (entry !== undefined && --entry.users === 0 && entry.queue.size + entry.queue.waitingSenders === 0)
      this.world.mailboxes.delete(name);
  }
}

class MemoryChannel implements StoreChannel {
  readonly capacity: Capacity;
  readonly ordering: Ordering;

  constructor(
    private readonly queue: Queue,
    private readonly leave: () => void,
  ) {
    this.capacity = queue.capacity;
    this.ordering = queue.ordering;
  }

  send(operation: SendOperation): void {
    this.queue.send(operation);
  }

  receive(operation: ReceiveOperation): void {
    this.queue.receive(operation);
  }

  take(selector: Selector | null): Envelope | null {
    return this.queue.take(selector);
  }

  cancelSend(operation: SendOperation): void {
    this.queue.cancelSend(operation);
  }

  cancelReceive(operation: ReceiveOperation): void {
    this.queue.cancelReceive(operation);
  }

  async close(): Promise<void> {
    this.leave();
  }
}

/**
 * The registry of runtimes that share a thread, on the memory transport or on links that stay within the thread. None of
 * them can die without the others, so what is claimed stays claimed until its owner releases it or leaves.
 */
export class MemoryRegistry implements Registry {
  neighbours: Neighbourhood | null = null;
  private readonly world: World;
  /** Tells those who were there before; null once done. */
  private announce: (() => void) | null = null;

  constructor(
    namespace: string,
    readonly self: PeerInfo,
    private readonly events: RegistryEvents,
  ) {
    this.world = world(namespace);
  }

  async join(prepare?: () => Promise<void>): Promise<void> {
    const { name } = this.self;
    const { members } = this.world;
    if (members.has(name))
      throw new PigeonholeError(
        'ERR_IN_USE',
        `process name '${name}' is held by another runtime of this process; choose another name`,
        { address: name },
      );
    const member: Member = { peer: this.self, events: this.events, joined: false };
    members.set(name, member);
    try {
      await prepare?.();
    } catch (error) {
      members.delete(name);
      throw error;
    }
    const present = this.others();
    member.joined = true;
    for (const { peer } of present) this.events.peerUp(peer);
    this.announce = () => {
      this.announce = null;
      for (const { peer, events } of present) if (this.find(peer.name) === peer) events.peerUp(this.self);
    };
    // Later, since who hears of it may send at once: by then the caller has its runtime.
    setImmediate(() => this.announce?.());
  }

  find(name: string): PeerInfo | null {
    const member = this.world.members.get(name);
    return member !== undefined && (member.joined || member.peer === this.self) ? member.peer : null;
  }

  peers(): PeerInfo[] {
    return this.others().map(({ peer }) => peer);
  }

  async identify(incarnation: string): Promise<PeerInfo | null> {
    const member = [...this.world.members.values()].find(({ peer }) => peer.incarnation === incarnation);
    return member === undefined ? null : this.find(member.peer.name);
  }

  private others(): Member[] {
    return [...this.world.members.values()].filter(({ peer, joined }) => joined && peer !== this.self);
  }

  vouches(incarnation: string): boolean {
    return [...this.world.members.values()].some(({ peer }) => peer.incarnation === incarnation);
  }

  claimOf(mailbox: string): ClaimState | null {
    const host = this.world.hosts.get(mailbox);
    return host?.peer === this.self ? { claim: 'owned', transport: host.transport } : null;
  }

  hosts(): string[] {
    return [...this.world.hosts].flatMap(([mailbox, { peer }]) => (peer === this.self ? [mailbox] : []));
  }

  async locate(mailbox: string): Promise<HostRecord | null> {
    return this.world.hosts.get(mailbox) ?? null;
  }

  async claim(mailbox: string, transport: string): Promise<boolean> {
    const { hosts } = this.world;
    const present = hosts.get(mailbox);
    if (present !== undefined) return present.peer === this.self;
    hosts.set(mailbox, { peer: this.self, transport });
    this.hostChanged(mailbox);
    return true;
  }

  async release(mailbox: string, heir?: PeerInfo): Promise<void> {
    const { hosts } = this.world;
    const present = hosts.get(mailbox);
    if (present?.peer !== this.self) return;
    if (heir !== undefined && this.find(heir.name)?.incarnation === heir.incarnation)
      hosts.set(mailbox, { ...present, peer: this.find(heir.name) as PeerInfo });
    else hosts.delete(mailbox);
    this.hostChanged(mailbox);
  }

  async disinherit(mailbox: string, heir: PeerInfo): Promise<void> {
    const { hosts } = this.world;
    if (hosts.get(mailbox)?.peer.incarnation === heir.incarnation) hosts.delete(mailbox);
  }

  async leave(): Promise<void> {
    const { members, hosts } = this.world;
    for (const mailbox of [...hosts.keys()]) await this.release(mailbox);
    if (members.get(this.self.name)?.peer !== this.self) return;
    this.announce?.();
    members.delete(this.self.name);
    for (const { events } of this.others()) events.peerDown(this.self);
  }

  private hostChanged(mailbox: string): void {
    for (const { events } of this.others()) events.hostChanged(mailbox);
  }
}
