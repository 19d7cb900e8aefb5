import { checkAbilities, lacking } from './abilities.js';
import type { Capacity } from './address.js';
import { type Carrier, inboxName, type OpenMailbox, type Undelivered } from './carrier.js';
import { PigeonholeError } from './errors.js';
import { MovingChannel, type Reached } from './hosted/moving.js';
import type { Registry } from './registry/registry.js';
import type {
  Channel,
  MailboxSpec,
  PeerInfo,
  StoreAttachment,
  StoreChannel,
  StoreTransport,
} from './transport.js';

/** All of one runtime's mailboxes on one store. */
export class StoreCarrier implements Carrier {
  private readonly channels = new Set<StoreChannel>();
  /** Those of other processes that are sent to, and by how many handles. */
  private readonly inboxes = new Map<string, { readonly channel: MovingChannel; users: number }>();
  /** Of the mailboxes that are open here, and how often. */
  private readonly capacities = new Map<string, { readonly capacity: Capacity; users: number }>();
  private own: StoreChannel | null = null;

  constructor(
    readonly transport: StoreTransport,
    private readonly attachment: StoreAttachment,
    private readonly registry: Registry,
    private readonly inboxSpec: { readonly capacity: Capacity; readonly maxBytes: number },
    private readonly warn: (error: Error) => void,
  ) {}

  /** Opens this process's own inbox, if it has one: before anybody else can, who would not know what it is to be. */
  async start(): Promise<this> {
    if (this.lacksDirect) return this;
    const { capacity, maxBytes } = this.inboxSpec;
    const spec = { name: inboxName(this.registry.self.name), capacity, ordering: undefined, maxBytes };
    this.own = await this.openChannel(spec, 'receiver');
    return this;
  }

  async open(spec: MailboxSpec, role: 'sender' | 'receiver'): Promise<OpenMailbox> {
    checkAbilities(this.transport, spec);
    const channel = await this.openChannel(spec, role);
    const { name } = spec;
    const known = this.capacities.get(name) ?? { capacity: channel.capacity, users: 0 };
    known.users++;
    this.capacities.set(name, known);
    const release = once(() => {
      if (--known.users === 0) this.capacities.delete(name);
      void this.closeChannel(channel);
    });
    return { channel, release };
  }

  inbox(): Channel {
    if (this.lacksDirect) throw lacking(this.transport, 'direct', 'a message to a process');
    return this.own as StoreChannel;
  }

  direct(peer: string): OpenMailbox {
    if (this.lacksDirect) throw lacking(this.transport, 'direct', `a message to process '${peer}'`);
    if (peer === this.registry.self.name) return { channel: this.inbox(), release: () => {} };
    const name = inboxName(peer);
    const inbox = this.inboxes.get(name) ?? { channel: this.inboxOf(peer), users: 0 };
    inbox.users++;
    this.inboxes.set(name, inbox);
    const release = once(() => {
      if (--inbox.users === 0) this.forget(name, inbox.channel);
    });
    return { channel: inbox.channel, release };
  }

  describe(mailbox: string): { capacity: Capacity | undefined; host: null } {
    return { capacity: this.capacities.get(mailbox)?.capacity, host: null };
  }

  lookAgain(name: string): void {
    this.inboxes.get(name)?.channel.look();
  }

  /** The process behind an inbox is gone: what comes now waits for its successor. */
  peerDown(peer: PeerInfo): void {
    this.attachment.peerDown?.();
    const inbox = this.inboxes.get(inboxName(peer.name))?.channel;
    const target = inbox?.attachedTo;
    if (inbox == null || target == null) return;
    inbox.lost(target, [], []);
    void this.closeChannel(target as StoreChannel);
  }

  async close(): Promise<Undelivered[]> {
    const closed = (): PigeonholeError => new PigeonholeError('ERR_CLOSED', 'the runtime is closed');
    for (const { channel } of this.inboxes.values()) channel.close(closed);
    for (const channel of this.channels) await this.closeChannel(channel);
    return [];
  }

  async end(): Promise<void> {
    await this.attempt(this.attachment.close());
  }

  private get lacksDirect(): boolean {
    return this.transport.capabilities.lacks?.includes('direct') === true;
  }

  private inboxOf(peer: string): MovingChannel {
    const channel: MovingChannel = new MovingChannel(() => this.reach(peer, channel));
    return channel;
  }

  /** Nobody here sends to that inbox any more. */
  private forget(name: string, inbox: MovingChannel): void {
    const { attachedTo } = inbox;
    this.inboxes.delete(name);
    inbox.close(() => new PigeonholeError('ERR_CLOSED', `the inbox '${name}' is not open here any more`));
    if (attachedTo !== null) void this.closeChannel(attachedTo as StoreChannel);
  }

  private async reach(peer: string, inbox: MovingChannel): Promise<Reached> {
    if (this.registry.find(peer) === null) return 'nobody';
    const { maxBytes } = this.inboxSpec;
    const spec = { name: inboxName(peer), capacity: undefined, ordering: undefined, maxBytes };
    const channel = await this.openChannel(spec, 'sender');
    // Perhaps it was let go meanwhile.
    if (this.inboxes.get(spec.name)?.channel === inbox) return { channel };
    await this.closeChannel(channel);
    return 'nobody';
  }

  private async openChannel(spec: MailboxSpec, role: 'sender' | 'receiver'): Promise<StoreChannel> {
    const channel = await this.attachment.open(spec, role);
    this.channels.add(channel);
    return channel;
  }

  private async closeChannel(channel: StoreChannel): Promise<void> {
    if (this.channels.delete(channel)) await this.attempt(channel.close());
  }

  /** What the store cannot close must not keep the rest from being closed. */
  private async attempt(step: Promise<void>): Promise<void> {
    await step.catch((error: Error) => this.warn(error));
  }
}

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (!done) run();
    done = true;
  };
}
