import type { Capacity } from '../address.js';
import { BusyPoll } from '../busy-poll.js';
import { type Carrier, inboxName, type OpenMailbox, type Undelivered } from '../carrier.js';
import type { CodecLimits } from '../codec.js';
import { PigeonholeError } from '../errors.js';
import type { Envelope } from '../message.js';
import type { ClaimState, Registry, RegistryEvents } from '../registry/registry.js';
import type { Channel, Link, LinkHandler, LinkTransport, MailboxSpec, PeerInfo, Port } from '../transport.js';
import { Bequests } from './bequests.js';
import type { Introduction } from './greeting.js';
import { HostedMailbox, type MailboxNetwork, until, within } from './mailbox.js';
import { Neighbours } from './neighbours.js';
import type { Served } from './served.js';
import { Session, type SessionOwner } from './session.js';

/** Links whose other side has not yet said who it is; of more, the oldest goes. */
const MAX_STRANGERS = 256;
/** Links with one other process: one, others while they are ending, and another where two dialled each other at nearly the same time. */
const MAX_LINKS = 8;
/** How long a link that comes while this process dials the other is put off for the sake of its own (milliseconds). */
const CROSSING_PATIENCE = 1_000;
/** So many connections to a process that lives may be refused in a row before that is an error: its port may be just opening anew. */
const MAX_REFUSALS = 20;
/** How long such a link may stay silent (milliseconds). */
const HANDSHAKE_PATIENCE = 10_000;

export interface NetworkSetup {
  readonly transport: LinkTransport;
  readonly port: Port;
  readonly namespace: string;
  readonly registry: Registry;
  readonly limits: CodecLimits & { readonly maxBytes: number };
  readonly inboxCapacity: Capacity;
  /** Microseconds. */
  readonly busyPoll: number;
  readonly events: RegistryEvents;
  hosting(mailbox: string, host: string): void;
  lost(mailbox: string, host: string, messages: number): void;
  warn(error: Error): void;
}

/** All hosted mailboxes of one runtime over one link transport: its port, one session a process, and who hosts what. */
export class Network implements Carrier, SessionOwner, MailboxNetwork {
  readonly transport: LinkTransport;
  readonly limits: CodecLimits;
  readonly busyPoll: BusyPoll;
  private readonly mailboxes = new Map<string, HostedMailbox>();
  private readonly sessions = new Map<string, Session>();
  private readonly dialling = new Map<string, Promise<Session>>();
  private readonly everySession = new Set<Session>();
  private readonly strangers = new Set<Session>();
  /** Errors of connections that nobody took. */
  private readonly refusals = new WeakSet<object>();
  private readonly neighbours: Neighbours | null;
  private readonly bequests: Bequests;
  private closing = false;
  /** What ends now ends from here: nobody has died. */
  private aborting = false;
  /** All sessions are being ended from here, in order: what their hosts have accepted is theirs and not lost. */
  private leaving = false;
  private onIdle: (() => void) | null = null;

  constructor(private readonly setup: NetworkSetup) {
    this.transport = setup.transport;
    this.limits = setup.limits;
    this.neighbours = this.findNeighbours();
    this.busyPoll = BusyPoll.of(setup.port.waitsInThread ? 0 : setup.busyPoll);
    this.bequests = new Bequests(
      setup.registry,
      (name, messages) => setup.lost(name, this.self.name, messages),
      (error) => setup.warn(error),
    );
    const own = this.mailbox(inboxName(this.self.name), this.self.name);
    own.startHosting();
    own.channel.look();
  }

  get namespace(): string {
    return this.setup.namespace;
  }

  get transportName(): string {
    return this.transport.name;
  }

  get self(): PeerInfo {
    return this.setup.registry.self;
  }

  // Carrier

  async open(spec: MailboxSpec, role: 'sender' | 'receiver'): Promise<OpenMailbox> {
    const mailbox = this.mailbox(spec.name, null, spec);
    const release = await mailbox.open(spec, role);
    return { channel: mailbox.channel, release };
  }

  inbox(): Channel {
    return this.mailbox(inboxName(this.self.name), this.self.name).channel;
  }

  direct(peer: string): OpenMailbox {
    const mailbox = this.mailbox(inboxName(peer), peer);
    return { channel: mailbox.channel, release: mailbox.hold() };
  }

  describe(name: string): { capacity: Capacity | undefined; host: string | null } {
    const mailbox = this.mailboxes.get(name);
    const host = mailbox?.host ?? null;
    return { capacity: mailbox?.capacity, host: host === 'self' ? this.self.name : host };
  }

  lookAgain(name: string): void {
    this.mailboxes.get(name)?.channel.look();
  }

  /** For links whose mechanism does not show it. */
  peerDown(peer: PeerInfo): void {
    const { incarnation } = peer;
    this.setup.port.peerDown?.(peer);
    for (const session of [...this.everySession]) if (session.incarnation === incarnation) session.peerDown();
  }

  async close(deadline: number): Promise<Undelivered[]> {
    this.closing = true;
    const end = performance.now() + deadline;
    const left = await Promise.all(
      [...this.mailboxes.values()].map((mailbox) => this.bequests.giveUp(mailbox, end)),
    );
    this.leaving = true;
    for (const session of this.everySession) session.close();
    await this.untilSessionsEnd(until(end));
    return left.filter(({ count }) => count > 0);
  }

  async end(): Promise<void> {
    this.busyPoll.close();
    await this.setup.port.close();
  }

  // For the port

  accept(link: Link): LinkHandler {
    const session = new Session(this, null);
    this.everySession.add(session);
    session.start(link);
    if (this.closing) {
      session.abort();
      return session;
    }
    if (this.strangers.size >= MAX_STRANGERS) this.turnAwayTheOldest();
    this.strangers.add(session);
    const patience = setTimeout(
      () =>
        session.violated(new PigeonholeError('ERR_FRAME', `no hello came within ${HANDSHAKE_PATIENCE} ms`)),
      HANDSHAKE_PATIENCE,
    ).unref();
    session.ready
      .catch(() => {})
      .finally(() => {
        clearTimeout(patience);
        this.strangers.delete(session);
      });
    return session;
  }

  /** Whoever is somebody says so at once: the newcomer is likelier to. */
  private turnAwayTheOldest(): void {
    const [oldest] = this.strangers;
    oldest?.violated(
      new PigeonholeError(
        'ERR_OS_LIMIT',
        `${MAX_STRANGERS} links have not yet said who they are, and this is the oldest of them; try again later`,
      ),
    );
    // At once: the descriptor is needed.
    oldest?.abort();
  }

  // For sessions

  async identify(who: Introduction, link: Link): Promise<PeerInfo | null> {
    if (this.closing)
      throw new PigeonholeError('ERR_PEER_DOWN', `process '${this.self.name}' is leaving`, {
        address: this.self.name,
      });
    if (who.byName && this.neighbours === null)
      throw new PigeonholeError(
        'ERR_FENCED',
        `process '${who.name}' wanted this one by its name, as if from another host, and this one has no processes on others`,
      );
    const peer = await this.setup.registry.identify(who.incarnation);
    if (peer === null) return this.neighbours?.admit(who, link) ?? null;
    if (!who.byName) {
      await this.settleCrossing(peer);
      return peer;
    }
    throw new PigeonholeError('ERR_PEER_DOWN', 'processes of one host find each other through the directory');
  }

  /**
   * Two that have dialled each other at once keep one link, that of the lower incarnation: on two, an answer and the acceptance of its question
   * would leave in two writes, and wake the other side twice.
   */
  private async settleCrossing({ name, incarnation }: PeerInfo): Promise<void> {
    const dial = this.dialling.get(incarnation);
    if (dial === undefined || incarnation < this.self.incarnation) return;
    await within(dial, CROSSING_PATIENCE).catch(() => {});
    if (this.sessions.get(incarnation)?.open !== true) return;
    throw new PigeonholeError('ERR_PEER_DOWN', `process '${name}' has been dialled by this one`, {
      address: this.self.name,
    });
  }

  recognise(who: Introduction, link: Link): PeerInfo {
    return (this.neighbours as Neighbours).recognise(who, link);
  }

  vouches({ incarnation }: PeerInfo): boolean {
    return this.setup.registry.vouches(incarnation);
  }

  claimOf(mailbox: string): ClaimState | null {
    return this.setup.registry.claimOf(mailbox);
  }

  news(session: Session, mailbox: string, hosts: boolean): void {
    this.neighbours?.news(session, mailbox, hosts);
  }

  serve(session: Session, channel: number, spec: Omit<MailboxSpec, 'maxBytes'>): Served | null {
    if (this.closing) return null;
    return this.mailboxes.get(spec.name)?.serve(session, channel, spec) ?? null;
  }

  adopt(session: Session, number: number, name: string, envelope: Envelope): void {
    // Unknown or closing here: no confirmation, and the former host reports the message as undelivered.
    if (!this.closing)
      this.mailboxes.get(name)?.adopt(envelope, () => session.channels.confirmAdopted(number));
  }

  opened(session: Session): void {
    const { incarnation } = session.peer as PeerInfo;
    let links = 0;
    for (const { peer } of this.everySession) if (peer?.incarnation === incarnation) links++;
    if (links > MAX_LINKS)
      throw new PigeonholeError(
        'ERR_OS_LIMIT',
        `there are ${MAX_LINKS} links with this process, the most there can be`,
      );
    if (this.sessions.get(incarnation)?.open !== true) this.sessions.set(incarnation, session);
    this.neighbours?.opened(session);
  }

  over(session: Session): void {
    this.everySession.delete(session);
    this.strangers.delete(session);
    if (session.peer !== null && this.sessions.get(session.peer.incarnation) === session)
      this.sessions.delete(session.peer.incarnation);
    this.neighbours?.over(session);
    if (this.everySession.size === 0) this.onIdle?.();
  }

  warn(error: Error): void {
    this.setup.warn(error);
  }

  // For mailboxes

  async reachHost(mailbox: HostedMailbox): Promise<Session | 'self' | 'nobody' | 'changing'> {
    if (this.closing) return 'nobody';
    const host = await this.locate(mailbox);
    const self = host?.incarnation === this.self.incarnation;
    if (self && mailbox.queue !== null) return 'self';
    if (host === null || self) {
      if (!mailbox.wanted || mailbox.inboxOf !== null) return 'nobody';
      const { name } = mailbox.spec;
      if (!(await this.setup.registry.claim(name, this.transport.name))) return 'changing';
      if (!this.closing) return 'self';
      await this.setup.registry.release(name);
      return 'nobody';
    }
    try {
      const session = await this.session(host);
      mailbox.refused = null;
      return session;
    } catch (error) {
      // Whether a neighbour lives, and what is wrong with the way to it, is for `Neighbours` to say.
      if (this.neighbours !== null && !this.vouches(host)) return 'changing';
      if (!(error instanceof PigeonholeError && error.code === 'ERR_PEER_DOWN')) throw error;
      if (this.refusals.has(error)) this.countRefusal(mailbox, host, error);
      return 'changing';
    }
  }

  /** Throws `ERR_TRANSPORT` when a process that lives has refused too often. */
  private countRefusal(mailbox: HostedMailbox, host: PeerInfo, cause: PigeonholeError): void {
    const { incarnation } = host;
    const times = (mailbox.refused?.incarnation === incarnation ? mailbox.refused.times : 0) + 1;
    mailbox.refused = { incarnation, times };
    if (times < MAX_REFUSALS) return;
    throw new PigeonholeError(
      'ERR_TRANSPORT',
      `process '${host.name}', which hosts ${mailbox.label}, lives, but ${times} times nothing listened at ${host.ports[this.transport.name]}: ` +
        'it has lost its port (was the file removed?) and has not opened it anew; restart it if it does not recover',
      { cause, transport: this.transport.name, address: host.ports[this.transport.name] },
    );
  }

  retire(mailbox: HostedMailbox): void {
    const { name } = mailbox.spec;
    if (this.closing || !mailbox.unused || this.mailboxes.get(name) !== mailbox) return;
    this.mailboxes.delete(name);
    mailbox.abandon();
  }

  hosting(mailbox: HostedMailbox): void {
    if (mailbox.inboxOf === null) this.setup.hosting(mailbox.spec.name, this.self.name);
  }

  lost(mailbox: HostedMailbox, host: string, messages: number): void {
    if (this.aborting || this.leaving) return;
    const report = (): void => {
      if (mailbox.inboxOf === null || messages > 0) this.setup.lost(mailbox.spec.name, host, messages);
    };
    if (this.neighbours?.has(host) !== true) return report();
    // Only the link is known to be over; the mailbox may be there as it was.
    void this.neighbours.isDead(host).then((dead) => dead && report());
  }

  private mailbox(name: string, inboxOf: string | null, spec?: MailboxSpec): HostedMailbox {
    let mailbox = this.mailboxes.get(name);
    if (mailbox === undefined) {
      const capacity = inboxOf === this.self.name ? this.setup.inboxCapacity : undefined;
      const maxBytes = spec?.maxBytes ?? this.setup.limits.maxBytes;
      mailbox = new HostedMailbox(this, { name, maxBytes, capacity, ordering: undefined }, inboxOf);
      this.mailboxes.set(name, mailbox);
    }
    return mailbox;
  }

  private async locate(mailbox: HostedMailbox): Promise<PeerInfo | null> {
    if (mailbox.inboxOf !== null) return this.setup.registry.find(mailbox.inboxOf);
    const record = await this.setup.registry.locate(mailbox.spec.name);
    if (record === null) return null;
    const { peer, transport } = record;
    if (transport !== '' && transport !== this.transport.name)
      throw new PigeonholeError(
        'ERR_TRANSPORT',
        `mailbox '${mailbox.spec.name}' is hosted over transport '${transport}' by process '${peer.name}'; this process is configured for ` +
          `'${this.transport.name}': configure the same for both (transport, or mailboxes.${mailbox.spec.name}.transport)`,
        { transport: this.transport.name, address: mailbox.spec.name },
      );
    return peer;
  }

  /** The session with a process: an open one, or a new one. */
  private session(peer: PeerInfo): Promise<Session> {
    const present = this.sessions.get(peer.incarnation);
    if (present?.open === true) return Promise.resolve(present);
    let dial = this.dialling.get(peer.incarnation);
    if (dial === undefined) {
      dial = this.dial(peer).finally(() => this.dialling.delete(peer.incarnation));
      this.dialling.set(peer.incarnation, dial);
    }
    return dial;
  }

  private async dial(peer: PeerInfo): Promise<Session> {
    const { name } = this.transport;
    const address = peer.ports[name];
    if (address === undefined)
      throw new PigeonholeError(
        'ERR_TRANSPORT',
        `process '${peer.name}' does not listen on transport '${name}'; configure it there too`,
        {
          transport: name,
          address: peer.name,
        },
      );
    // It may have died since it was looked for; then nobody will tell of it again.
    if (!this.setup.registry.peers().some(({ incarnation }) => incarnation === peer.incarnation))
      throw new PigeonholeError('ERR_PEER_DOWN', `process '${peer.name}' is gone`, {
        transport: name,
        address: peer.name,
      });
    const session = await this.connect(peer, address);
    const error = await session.ready.catch((reason: Error) => reason);
    // Where both have dialled at once, the link that was ready first serves both ways.
    const first = this.sessions.get(peer.incarnation);
    if (first?.open === true) return first;
    if (error instanceof Error) throw error;
    return session;
  }

  private async connect(peer: PeerInfo, address: string): Promise<Session> {
    const session = new Session(this, peer);
    this.everySession.add(session);
    try {
      session.start(await this.setup.port.connect(address, session));
    } catch (error) {
      this.over(session);
      if (error instanceof PigeonholeError) this.refusals.add(error);
      throw error;
    }
    if (this.closing) session.abort();
    return session;
  }

  private findNeighbours(): Neighbours | null {
    const { port, registry, events } = this.setup;
    if (port.neighbours === undefined) return null;
    if (registry.neighbours !== null)
      throw new PigeonholeError(
        'ERR_CONFIG',
        `transport '${this.transport.name}' is given processes on other hosts, and another transport is, too; give them to one`,
        { transport: this.transport.name },
      );
    const neighbours = new Neighbours({
      ...{ registry, events, transportName: this.transport.name },
      ...port.neighbours,
      meet: (peer) => this.meet(peer),
      giveWay: (name, session) => {
        const mailbox = this.mailboxes.get(name);
        if (!this.closing && mailbox !== undefined && mailbox.queue !== null)
          this.bequests.giveWay(mailbox, session);
      },
    });
    registry.neighbours = neighbours;
    return neighbours;
  }

  private async meet(neighbour: PeerInfo): Promise<'met' | 'refused'> {
    let session: Session;
    try {
      session = await this.connect(neighbour, neighbour.ports[this.transport.name] as string);
    } catch (error) {
      if (error instanceof PigeonholeError && error.code === 'ERR_PEER_DOWN') return 'refused';
      throw error;
    }
    await session.ready;
    return 'met';
  }

  private async untilSessionsEnd(deadline: number): Promise<void> {
    if (this.everySession.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.onIdle = resolve;
      timer = setTimeout(resolve, deadline);
    });
    clearTimeout(timer);
    this.aborting = true;
    for (const session of [...this.everySession]) session.abort();
  }
}
