import type { Buffer } from 'node:buffer';
import type { Capacity } from '../address.js';
import { BusyPoll } from '../busy-poll.js';
import { type Carrier, type Drops, inboxName, type OpenMailbox, type Undelivered } from '../carrier.js';
import type { CodecLimits } from '../codec.js';
import { PigeonholeError } from '../errors.js';
import type { Reached } from '../hosted/moving.js';
import type { Envelope } from '../message.js';
import type { Registry } from '../registry/registry.js';
import type { Channel, DatagramPort, DatagramTransport, MailboxSpec, PeerInfo } from '../transport.js';
import { SendOperation } from '../waiters.js';
import { type Addressed, decodeHeader } from './format.js';
import { DatagramMailbox, DatagramTarget, onlyOne } from './mailbox.js';

/** Datagrams of processes that this one is just getting to know; more are dropped. */
const MAX_UNIDENTIFIED = 256;

export interface DatagramSetup {
  readonly transport: DatagramTransport;
  readonly registry: Registry;
  readonly limits: CodecLimits & { readonly maxBytes: number };
  readonly inboxCapacity: Capacity;
  /** Microseconds. */
  readonly busyPoll: number;
  hosting(mailbox: string, host: string): void;
}

/**
 * All of one runtime's mailboxes over datagrams: one message a datagram, at most once, which nobody acknowledges and nobody
 * repeats. Each mailbox has one receiving process, whose queue it is; who sends finds it through the registry.
 */
export class DatagramCarrier implements Carrier {
  readonly transport: DatagramTransport;
  private port!: DatagramPort;
  private busyPoll!: BusyPoll;
  private readonly mailboxes = new Map<string, DatagramMailbox>();
  private closing = false;
  private identifying = 0;
  /** Datagrams that were no message, of nobody known, or to a mailbox that nobody receives here. */
  private refused = 0;

  constructor(private readonly setup: DatagramSetup) {
    this.transport = setup.transport;
    const own = this.mailbox(this.ownInbox);
    own.wish({ capacity: setup.inboxCapacity, ordering: undefined });
    own.host();
    own.channel.look();
  }

  /** Before anything else: the port is opened with a context that already needs this object. */
  listen(port: DatagramPort): void {
    this.port = port;
    this.busyPoll = BusyPoll.of(this.setup.busyPoll);
  }

  async open(spec: MailboxSpec, role: 'sender' | 'receiver'): Promise<OpenMailbox> {
    const opened = this.use(this.mailbox(spec.name, spec.maxBytes));
    if (role === 'sender') return opened;
    const mailbox = this.mailbox(spec.name);
    mailbox.wish(spec);
    mailbox.receivers++;
    const release = (): void => {
      mailbox.receivers--;
      opened.release();
    };
    try {
      if (mailbox.queue === null) this.detach(mailbox);
      await mailbox.channel.seek();
      this.checkReceiving(mailbox, spec);
    } catch (error) {
      release();
      throw error;
    }
    return { channel: mailbox.channel, release };
  }

  inbox(): Channel {
    return this.mailbox(this.ownInbox).channel;
  }

  direct(peer: string): OpenMailbox {
    return this.use(this.mailbox(inboxName(peer)));
  }

  /** For one more handle. What no handle uses, and is not received here, is forgotten. */
  private use(mailbox: DatagramMailbox): OpenMailbox {
    mailbox.users++;
    const release = (): void => {
      if (--mailbox.users === 0 && mailbox.queue === null) this.mailboxes.delete(mailbox.name);
    };
    return { channel: mailbox.channel, release };
  }

  describe(name: string): { capacity: Capacity | undefined; host: string | null; drops: Drops } {
    const mailbox = this.mailboxes.get(name);
    const target = mailbox?.channel.attachedTo;
    const host =
      mailbox?.queue != null ? this.self.name : target instanceof DatagramTarget ? target.peer.name : null;
    const drops = { full: mailbox?.dropped ?? 0, refused: this.refused, kernel: this.port.drops() };
    return { capacity: mailbox?.ownCapacity, host, drops };
  }

  lookAgain(name: string): void {
    const mailbox = this.mailboxes.get(name);
    if (mailbox === undefined) return;
    if (mailbox.queue === null) this.detach(mailbox);
    mailbox.channel.look();
  }

  peerDown({ incarnation }: PeerInfo): void {
    for (const { channel } of this.mailboxes.values()) {
      const target = channel.attachedTo;
      if (target instanceof DatagramTarget && target.peer.incarnation === incarnation)
        channel.lost(target, [], []);
    }
  }

  async close(): Promise<Undelivered[]> {
    this.closing = true;
    const left: Undelivered[] = [];
    for (const { name, channel, queue } of this.mailboxes.values()) {
      const closed = (): PigeonholeError =>
        new PigeonholeError('ERR_CLOSED', 'the runtime is closed', { address: name });
      if (queue !== null && queue.size > 0) left.push({ mailbox: name, count: queue.size });
      queue?.close(closed);
      channel.close(closed);
      if (queue !== null && name !== this.ownInbox) await this.setup.registry.release(name);
    }
    return left;
  }

  async end(): Promise<void> {
    this.busyPoll.close();
    await this.port.close();
  }

  /** A datagram has come. Whatever it is, it costs nothing but itself. */
  receive(datagram: Buffer, origin: string): void {
    if (this.closing) return;
    try {
      const addressed = decodeHeader(datagram);
      const peer = this.setup.registry.peers().find((each) => each.incarnation === addressed.incarnation);
      if (peer !== undefined) this.take(addressed, peer, origin);
      else void this.meet(addressed, origin);
    } catch {
      this.refused++;
    }
  }

  private get self(): PeerInfo {
    return this.setup.registry.self;
  }

  private get ownInbox(): string {
    return inboxName(this.self.name);
  }

  private mailbox(name: string, maxBytes = this.setup.limits.maxBytes): DatagramMailbox {
    let mailbox = this.mailboxes.get(name);
    if (mailbox === undefined) {
      mailbox = new DatagramMailbox(name, maxBytes, (each) => this.reach(each));
      this.mailboxes.set(name, mailbox);
    }
    return mailbox;
  }

  private detach({ channel }: DatagramMailbox): void {
    const { attachedTo } = channel;
    if (attachedTo !== null) channel.lost(attachedTo, [], []);
  }

  private checkReceiving(mailbox: DatagramMailbox, { capacity }: MailboxSpec): void {
    const { name } = this.transport;
    const target = mailbox.channel.attachedTo;
    if (target instanceof DatagramTarget) throw onlyOne(mailbox.name, target.peer.name, name);
    const own = mailbox.queue?.capacity;
    if (capacity !== undefined && own !== undefined && capacity !== own)
      throw new PigeonholeError(
        'ERR_CAPACITY_MISMATCH',
        `mailbox '${mailbox.name}' has capacity ${own}, and is opened with ${capacity}; leave it out to adopt the mailbox's own`,
        { transport: name, address: mailbox.name },
      );
  }

  /** Where the mailbox is now: here, at another process, or nowhere. */
  private async reach(mailbox: DatagramMailbox): Promise<Reached> {
    const { registry } = this.setup;
    const { name } = mailbox;
    if (mailbox.queue !== null) return { channel: mailbox.queue };
    if (this.closing) return 'nobody';
    const peer = name.startsWith('@') ? registry.find(name.slice(1)) : await this.locate(name);
    if (peer !== null && peer.incarnation !== this.self.incarnation) return this.target(mailbox, peer);
    if (name.startsWith('@') || mailbox.receivers === 0) return 'nobody';
    if (!(await registry.claim(name, this.transport.name))) return 'changing';
    this.setup.hosting(name, this.self.name);
    return { channel: mailbox.host() };
  }

  private async locate(name: string): Promise<PeerInfo | null> {
    const record = await this.setup.registry.locate(name);
    if (record === null) return null;
    const { peer, transport } = record;
    if (transport !== '' && transport !== this.transport.name)
      throw new PigeonholeError(
        'ERR_TRANSPORT',
        `mailbox '${name}' is hosted over transport '${transport}' by process '${peer.name}'; this process is configured for ` +
          `'${this.transport.name}': configure the same for both`,
        { transport: this.transport.name, address: name },
      );
    return peer;
  }

  private target(mailbox: DatagramMailbox, peer: PeerInfo): Reached {
    const { name } = this.transport;
    if (peer.ports[name] === undefined)
      throw new PigeonholeError(
        'ERR_TRANSPORT',
        `process '${peer.name}' does not listen on transport '${name}'; configure it there too`,
        { transport: name, address: peer.name },
      );
    return { channel: new DatagramTarget(this.port, peer, mailbox.name, this.self.incarnation, name) };
  }

  /** Of a process that joined a moment ago, perhaps. */
  private async meet(addressed: Addressed, origin: string): Promise<void> {
    if (this.identifying >= MAX_UNIDENTIFIED) {
      this.refused++;
      return;
    }
    this.identifying++;
    try {
      const peer = await this.setup.registry.identify(addressed.incarnation);
      if (peer === null || this.closing) this.refused++;
      else this.take(addressed, peer, origin);
    } catch {
      this.refused++;
    } finally {
      this.identifying--;
    }
  }

  /** R3: it is from `peer` only if it came from where that process's port is. */
  private take({ mailbox: name, open }: Addressed, peer: PeerInfo, origin: string): void {
    const address = peer.ports[this.transport.name];
    const mailbox = this.mailboxes.get(name);
    if (address === undefined || this.port.originOf(address) !== origin || mailbox?.queue == null) {
      this.refused++;
      return;
    }
    const { dropped } = mailbox;
    mailbox.queue.send(new Arrival(mailbox, open(peer.name, this.setup.limits)));
    if (mailbox.dropped === dropped) this.busyPoll.stir();
  }
}

/** A message that has come: there is a place for it, or it is dropped. */
class Arrival extends SendOperation {
  constructor(
    private readonly mailbox: DatagramMailbox,
    envelope: Envelope,
  ) {
    super(envelope, false);
  }

  override refused(): void {
    if (this.settle(false)) this.mailbox.dropped++;
  }

  override fail(): void {
    this.refused();
  }
}
