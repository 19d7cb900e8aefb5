import { PigeonholeError } from '../errors.js';
import type { Claimant, Neighbourhood, Registry, RegistryEvents } from '../registry/registry.js';
import type { Link, PeerInfo } from '../transport.js';
import type { Introduction } from './greeting.js';
import { within } from './mailbox.js';
import { Neighbour } from './neighbour.js';
import type { Session } from './session.js';

/** How long joining waits for processes on other hosts that do not answer (milliseconds). */
const MEETING = 2000;

export interface NeighboursSetup {
  readonly registry: Registry;
  readonly transportName: string;
  /** By name, the addresses of processes on other hosts; it may hold this process and others of this host, too. */
  readonly addresses: Readonly<Record<string, string>>;
  /** After how long without a sign of life one counts as dead (milliseconds). */
  readonly silence: number;
  readonly events: RegistryEvents;
  meet(peer: PeerInfo): Promise<'met' | 'refused'>;
  /** This process and the other side of `session` both host it: this one is to cease. */
  giveWay(mailbox: string, session: Session): void;
}

/**
 * The processes of other hosts with which this one shares a namespace: those whose addresses it was given. With each it keeps a
 * link, and over it each answers for its own claims. Two that cannot reach each other know nothing of each other's claims.
 */
export class Neighbours implements Neighbourhood {
  private readonly all: Neighbour[];

  constructor(private readonly setup: NeighboursSetup) {
    const { registry, transportName, addresses, silence, events } = setup;
    this.all = Object.entries(addresses)
      .filter(([name]) => name !== registry.self.name)
      .map(
        ([name, address]) =>
          new Neighbour({ name, incarnation: '', pid: 0, ports: { [transportName]: address } }, silence, {
            meet: (peer) => setup.meet(peer),
            isHere: (wanted) => this.isHere(wanted),
            up: (peer) => events.peerUp(peer),
            down: (peer) => events.peerDown(peer),
            warn: (error) => events.warn(error),
          }),
      );
  }

  // For the registry

  peers(): PeerInfo[] {
    return this.all.flatMap(({ peer }) => peer ?? []);
  }

  async meet(): Promise<void> {
    for (const neighbour of this.all) void neighbour.run();
    await within(Promise.all(this.all.map(({ tried }) => tried)), MEETING);
  }

  async ask(mailbox: string): Promise<Claimant | null> {
    const answers = await Promise.all(this.all.map((neighbour) => neighbour.ask(mailbox)));
    return (
      answers.find((answer) => answer?.claim === 'owned') ?? answers.find((answer) => answer !== null) ?? null
    );
  }

  tell(mailbox: string, hosts: boolean): void {
    for (const { session } of this.all) session?.inquiries.tell(mailbox, hosts);
  }

  leave(): void {
    for (const neighbour of this.all) neighbour.leave();
  }

  // For sessions

  /** Who it is that says so over a link that came in; null for whom this process was not told of. */
  async admit(who: Introduction, link: Link): Promise<PeerInfo | null> {
    const neighbour = this.all.find(({ name }) => name === who.name);
    if (neighbour === undefined) return null;
    const { peer } = neighbour;
    const known = peer?.incarnation === who.incarnation;
    // Another of that name must be gone first.
    const taken = this.isHere(who.name) || (!known && peer !== null && (await neighbour.outlives(peer)));
    if (taken)
      throw new PigeonholeError(
        'ERR_IN_USE',
        `process name '${who.name}' is held by a live process of this namespace`,
        { address: who.name },
      );
    return this.recognise(who, link);
  }

  /** The same for one that was dialled at the address of that name: it is there in place of any before it. */
  recognise({ name, incarnation, pid }: Introduction, link: Link): PeerInfo {
    const { peer, described } = this.all.find((each) => each.name === name) as Neighbour;
    const { ports } = described;
    if (link.speaksFor?.(ports[this.setup.transportName] as string) === false)
      throw new PigeonholeError(
        'ERR_NOT_OURS',
        `a process says it is '${name}', and what it shows is not valid for the address of that process`,
      );
    return peer?.incarnation === incarnation ? peer : { name, incarnation, pid, ports };
  }

  opened(session: Session): void {
    const neighbour = this.of(session);
    if (neighbour === undefined) return;
    neighbour.opened(session, session.peer as PeerInfo);
    for (const mailbox of this.setup.registry.hosts()) session.inquiries.tell(mailbox, true);
  }

  over(session: Session): void {
    this.of(session)?.ended(session);
  }

  news(session: Session, mailbox: string, hosts: boolean): void {
    const { registry, events } = this.setup;
    const both = hosts && registry.claimOf(mailbox)?.claim === 'owned' && this.of(session) !== undefined;
    if (!both) events.hostChanged(mailbox);
    else if (registry.self.incarnation > (session.peer as PeerInfo).incarnation)
      this.setup.giveWay(mailbox, session);
  }

  has(name: string): boolean {
    return this.all.some((each) => each.name === name) && !this.isHere(name);
  }

  /** Whether the process of this name, to which a link has just ended, is dead. */
  async isDead(name: string): Promise<boolean> {
    const neighbour = this.all.find((each) => each.name === name);
    const peer = neighbour?.peer ?? null;
    // The end of the link is reported piece by piece: this one may have come before that of the session.
    await new Promise(setImmediate);
    return neighbour === undefined || peer === null || !(await neighbour.outlives(peer));
  }

  private of({ peer }: Session): Neighbour | undefined {
    if (peer === null || this.setup.registry.vouches(peer.incarnation)) return undefined;
    return this.all.find(({ name }) => name === peer.name);
  }

  private isHere(name: string): boolean {
    const found = this.setup.registry.find(name);
    return found !== null && this.setup.registry.vouches(found.incarnation);
  }
}
