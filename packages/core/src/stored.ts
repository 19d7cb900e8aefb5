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
  private readonly inboxes = new Map<string, MovingChannel>();
  private readonly capacities = new Map<string, Capacity>();
  private own: StoreChannel | null = null;

  constructor(
    readonly transport: StoreTransport,
    private readonly attachment: StoreAttachment,
    private readonly registry: Registry,
    private readonly inboxSpec: { readonly capacity: Capacity; readonly maxBytes: number },
    private readonly warn: (error: Error) => void,
  ) {}

  /** Opens this process's own inbox: before anybody else can, who would not know what it is to be. */
  async start(): Promise<this> {
    const { capacity, maxBytes } = this.inboxSpec;
    const spec = { name: inboxName(this.registry.self.name), capacity, ordering: undefined, maxBytes };
    this.own = await this.openChannel(spec, 'receiver');
    return this;
  }

  async open(spec: MailboxSpec, role: 'sender' | 'receiver'): Promise<OpenMailbox> {
    const channel = await this.openChannel(spec, role);
    this.capacities.set(spec.name, channel.capacity);
    return { channel, release: () => void this.closeChannel(channel) };
  }

  inbox(): Channel {
    return this.own as StoreChannel;
  }

  direct(peer: string): Channel {
    if (peer === this.registry.self.name) return this.inbox();
    const name = inboxName(peer);
    let inbox = this.inboxes.get(name);
    if (inbox === undefined) {
      inbox = new MovingChannel(() => this.reach(peer));
      this.inboxes.set(name, inbox);
    }
    return inbox;
  }

  describe(mailbox: string): { capacity: Capacity | undefined; host: null } {
    return { capacity: this.capacities.get(mailbox), host: null };
  }

  lookAgain(name: string): void {
    this.inboxes.get(name)?.look();
  }

  /** The process behind an inbox is gone: what comes now waits for its successor. */
  peerDown(peer: PeerInfo): void {
    const inbox = this.inboxes.get(inboxName(peer.name));
    const target = inbox?.attachedTo;
    if (inbox == null || target == null) return;
    inbox.lost(target, [], []);
    void this.closeChannel(target as StoreChannel);
  }

  async close(): Promise<Undelivered[]> {
    const closed = (): PigeonholeError => new PigeonholeError('ERR_CLOSED', 'the runtime is closed');
    for (const inbox of this.inboxes.values()) inbox.close(closed);
    for (const channel of this.channels) await this.closeChannel(channel);
    return [];
  }

  async end(): Promise<void> {
    await this.attempt(this.attachment.close());
  }

  private async reach(peer: string): Promise<Reached> {
    if (this.registry.find(peer) === null) return 'nobody';
    const { maxBytes } = this.inboxSpec;
    const spec = { name: inboxName(peer), capacity: undefined, ordering: undefined, maxBytes };
    return { channel: await this.openChannel(spec, 'sender') };
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
