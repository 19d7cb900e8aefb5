import type { Destination, MailboxAddress, Source } from './address.js';
import type { Carrier, OpenMailbox } from './carrier.js';
import { type Codec, codecFor } from './codec.js';
import type { MailboxSettings, ResolvedConfig } from './config.js';
import { PigeonholeError, show } from './errors.js';
import { MovingChannel } from './hosted/moving.js';
import { Receiver } from './receiver.js';
import { Sender } from './sender.js';
import type { MailboxSpec } from './transport.js';

/** Addresses of which `send` keeps a handle. An application may make them call by call, each with a schema of its own. */
const MAX_IMPLICIT_SENDERS = 1024;

/** What handles are opened with. */
interface Openings {
  readonly config: ResolvedConfig;
  /** The carrier of a mailbox by name; undefined: the default, which also carries direct messages. */
  carrier(mailbox: string | undefined): { carrier: Carrier; reason: string };
}

/** Of the runtime that they belong to. */
interface Closing {
  /** No handle may be opened any more. */
  readonly closed: boolean;
  closedError(): PigeonholeError;
}

/** The senders and receivers that one runtime has open, those of its own included, which it keeps for `send` and `receive`. */
export class Handles {
  private readonly senders = new Map<string, Sender>();
  private readonly receivers = new Map<string, Receiver>();
  private readonly handles = new Set<Sender | Receiver>();
  private readonly identities = new WeakMap<object, number>();
  private nextIdentity = 1;

  constructor(
    private readonly parts: Openings,
    private readonly state: Closing,
  ) {}

  async sender(to: Destination): Promise<Sender> {
    return this.opened(this.makeSender(to, await this.openFor(to, 'sender')));
  }

  async receiver(from: Source): Promise<Receiver> {
    return this.opened(this.makeReceiver(from, await this.openFor(from, 'receiver')));
  }

  /** A sender of its own that opens while its first messages wait, under their own timeouts. */
  senderSoon(to: Destination): Sender {
    this.checkOpen();
    const sender = this.makeSender(to, this.openLater(to, 'sender'));
    this.handles.add(sender);
    return sender;
  }

  /** Closes all; how many calls of `send` did not get their message accepted. */
  async finish(): Promise<number> {
    const unsent = await Promise.all([...this.handles].map((handle) => handle.finish()));
    return unsent.reduce((sum, count) => sum + count, 0);
  }

  private checkOpen(): void {
    if (this.state.closed) throw this.state.closedError();
  }

  /** Throws `ERR_CONFIG` for what is no address. */
  carrierOf(address: Source | Destination): { carrier: Carrier; reason: string } {
    const kinds = ['mailbox', 'peer', 'anyPeer'];
    if (typeof address !== 'object' || address === null || !kinds.includes(address.kind))
      throw new PigeonholeError(
        'ERR_CONFIG',
        `${show(address)} is no address; make one with mailbox(), peer() or anyPeer`,
      );
    return this.parts.carrier(address.kind === 'mailbox' ? address.name : undefined);
  }

  settingsOf(address: Source | Destination): MailboxSettings {
    return (address.kind === 'mailbox' ? this.parts.config.mailboxes.get(address.name) : undefined) ?? {};
  }

  private specOf(address: MailboxAddress): MailboxSpec {
    const { capacity, ordering, maxBytes } = this.settingsOf(address);
    return {
      name: address.name,
      capacity: capacity ?? address.capacity,
      ordering: ordering ?? address.ordering,
      maxBytes: maxBytes ?? this.parts.config.limits.maxBytes,
      limits: this.parts.config.limits,
    };
  }

  private async openFor(address: Source | Destination, role: 'sender' | 'receiver'): Promise<OpenMailbox> {
    this.checkOpen();
    const { carrier } = this.carrierOf(address);
    if (address.kind === 'mailbox') return carrier.open(this.specOf(address), role);
    if (role === 'sender' && address.kind === 'anyPeer')
      throw new PigeonholeError('ERR_CONFIG', 'anyPeer is to receive from; send to peer(name) or a mailbox');
    if (role === 'sender' && address.kind === 'peer') return carrier.direct(address.name);
    return { channel: carrier.inbox(), release: () => {} };
  }

  private makeSender(to: Destination, { channel, release }: OpenMailbox): Sender {
    const { label, codec, sync, transport } = this.setupOf(to);
    // Not by spreading: that gives every object a shape of its own, which takes more memory than the object.
    const sender: Sender = new Sender({
      label,
      codec,
      sync,
      transport,
      channel,
      from: this.parts.config.name,
      limits: this.parts.config.limits,
      schema: to.schema,
      release: () => this.released(sender, release),
    });
    return sender;
  }

  private makeReceiver(from: Source, { channel, release }: OpenMailbox): Receiver {
    const { label, codec, sync, transport } = this.setupOf(from);
    const receiver: Receiver = new Receiver({
      label,
      codec,
      sync,
      transport,
      channel,
      limits: this.parts.config.limits,
      from: from.kind === 'peer' ? from.name : null,
      release: () => this.released(receiver, release),
    });
    return receiver;
  }

  private setupOf(address: Source | Destination): {
    label: string;
    codec: Codec;
    sync: boolean;
    transport: string;
  } {
    const { transport } = this.carrierOf(address).carrier;
    const codec = codecFor(address.kind === 'mailbox' ? (address.codec ?? 'msgpack') : 'msgpack');
    return { label: labelOf(address), codec, sync: transport.capabilities.sync, transport: transport.name };
  }

  /** Registers a handle, unless the runtime was closed while it was being opened. */
  private async opened<H extends Sender | Receiver>(handle: H): Promise<H> {
    this.handles.add(handle);
    if (this.state.closed) {
      await handle.close();
      this.checkOpen();
    }
    return handle;
  }

  private released(handle: Sender | Receiver, release: () => void): void {
    this.handles.delete(handle);
    release();
  }

  /** The handle that `send` and `trySend` share for an address. */
  implicitSender(to: Destination): Sender {
    const key = `${this.keyOf(to)} ${this.identify(to.schema)}`;
    return this.implicit(this.senders, key, () => {
      if (this.senders.size >= MAX_IMPLICIT_SENDERS) this.closeIdleSender();
      return this.makeSender(to, this.openLater(to, 'sender'));
    });
  }

  /** The oldest that has no call under way, of a few; those that have go to the end of the line. */
  private closeIdleSender(): void {
    let left = 8;
    for (const [key, sender] of this.senders) {
      this.senders.delete(key);
      if (sender.idle) return void sender.close();
      this.senders.set(key, sender);
      if (--left === 0) return;
    }
  }

  /** The handle that `receive`, `tryReceive` and `select` share for an address. */
  implicitReceiver(from: Source): Receiver {
    // A schema is the sender's business.
    return this.implicit(this.receivers, this.keyOf(from), () =>
      this.makeReceiver(from, this.openLater(from, 'receiver')),
    );
  }

  /** The handle that `send`, `receive` and the like share for an address. */
  private implicit<H extends Sender | Receiver>(cache: Map<string, H>, key: string, make: () => H): H {
    let handle = cache.get(key);
    if (handle === undefined) {
      handle = make();
      cache.set(key, handle);
      this.handles.add(handle);
    }
    return handle;
  }

  /**
   * A mailbox that opens while the first calls wait, in order and under their own timeouts: their bodies are copied at the
   * call, not when it is open. What keeps it from opening fails those calls; the next tries again.
   */
  private openLater(address: Source | Destination, role: 'sender' | 'receiver'): OpenMailbox {
    let opened: OpenMailbox | null = null;
    let released = false;
    const channel = new MovingChannel(async () => {
      opened ??= await this.openFor(address, role);
      if (released) opened.release();
      return { channel: opened.channel };
    });
    const release = (): void => {
      released = true;
      opened?.release();
      channel.close(() => this.state.closedError());
    };
    return { channel, release };
  }

  private keyOf(address: Source): string {
    this.checkOpen();
    this.carrierOf(address);
    if (address.kind === 'anyPeer') return '@';
    if (address.kind === 'peer') return `@${address.name}`;
    const { name, capacity, ordering, codec } = address;
    return `${name} ${capacity} ${ordering} ${this.identify(codec)}`;
  }

  private identify(value: unknown): string {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return String(value);
    if (!this.identities.has(value)) this.identities.set(value, this.nextIdentity++);
    return `#${this.identities.get(value)}`;
  }
}

export function labelOf(address: Source | Destination): string {
  if (address.kind === 'mailbox') return `mailbox '${address.name}'`;
  return address.kind === 'peer' ? `peer '${address.name}'` : 'anyPeer';
}
