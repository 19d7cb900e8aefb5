import type { Capacity, Ordering } from '../address.js';
import { type Envelope, lengthOf } from '../message.js';
import { Queue } from '../queue.js';
import { capacityMismatch, DEFAULT_CAPACITY } from '../spec.js';
import type { MailboxSpec, PeerInfo } from '../transport.js';
import { type ReceiveOperation, SendOperation, type Tracker } from '../waiters.js';
import type { Attachment, AttachmentOwner } from './attachment.js';
import { MovingChannel, type Reached } from './moving.js';
import { isRemote, Moved, Served } from './served.js';
import type { Session } from './session.js';
import { Wishes } from './wishes.js';

/** What a hosted mailbox asks of the network it is in. */
export interface MailboxNetwork {
  readonly self: PeerInfo;
  /** A link to the present host; `'self'`: this process is it; see `Reached` for the rest. */
  reachHost(mailbox: HostedMailbox): Promise<Session | 'self' | 'nobody' | 'changing'>;
  hosting(mailbox: HostedMailbox): void;
  /** It may not be needed any more. */
  retire(mailbox: HostedMailbox): void;
  lost(mailbox: HostedMailbox, host: string, messages: number): void;
}

/** How long opening a sender waits for a host that does not answer, before it leaves a mismatch to `send` (milliseconds). */
const OPEN_PATIENCE = 1_000;

/** How long the others may take to turn to the other host, when two found that they host the same (milliseconds). */
const GIVE_WAY_PATIENCE = 1_000;

/** What a message that waits to be adopted takes beside its body (bytes). */
const ADOPTION_COST = 128;

/**
 * One mailbox in this process: hosted here (a queue), hosted elsewhere (an attachment), or sought. The first process that
 * opens a receiver hosts it; when the host is lost, a process with a receiver hosts it next.
 */
export class HostedMailbox implements AttachmentOwner {
  readonly label: string;
  readonly channel: MovingChannel;
  queue: Queue | null = null;
  receivers = 0;
  /** How often in a row nothing listened at the port of its host, which lives. */
  refused: { readonly incarnation: string; readonly times: number } | null = null;
  private attachment: Attachment | null = null;
  /** The attachment that ended last: perhaps at once, before `reach` has seen it. */
  private gone: Attachment | null = null;
  /** What the mailbox was when another process hosted it: so it stays when this one takes over. */
  private adopted: { readonly capacity: Capacity; readonly ordering: Ordering } | null = null;
  /** Made when another process opens it. */
  private servedChannels: Set<Served> | null = null;
  /** What each open handle asked for. */
  private readonly wishes = new Wishes();
  private adopting: Adoption[] = [];
  private adoptingBytes = 0;
  /** By their sender, the messages that a former host had accepted. */
  private adoptedFrom: Map<string, AdoptedTally> | null = null;
  /** Messages of this process of which it is not known whether their host handed them over before it was lost. */
  private doubt: { readonly host: string; readonly messages: number } | null = null;
  private onDeserted: (() => void) | null = null;
  /** While what was held here goes to another host. */
  private givingWay: Promise<void> | null = null;

  constructor(
    private readonly network: MailboxNetwork,
    readonly spec: {
      readonly name: string;
      readonly maxBytes: number;
      readonly capacity: Capacity | undefined;
      readonly ordering: Ordering | undefined;
    },
    /** The process whose inbox this is, or null for a mailbox. */
    readonly inboxOf: string | null,
  ) {
    this.label = inboxOf === null ? `mailbox '${spec.name}'` : `the inbox of process '${inboxOf}'`;
    this.channel = new MovingChannel(() => this.reach());
  }

  /** What is known of it: its own once reached, else what this process asked for. */
  get capacity(): Capacity | undefined {
    return this.queue?.capacity ?? this.attachment?.capacity ?? this.wished.capacity;
  }

  /** Whether this process is to host it when nobody does. */
  get wanted(): boolean {
    return this.receivers > 0 || this.adopting.length > 0;
  }

  get host(): 'self' | string | null {
    return this.queue !== null ? 'self' : (this.attachment?.host ?? null);
  }

  /** What it is to be, as far as it depends on the handles that are open here. */
  private get wished(): { capacity: Capacity | undefined; ordering: Ordering | undefined } {
    let { capacity, ordering } = this.spec;
    for (let wish = this.wishes.first; wish !== null; wish = wish.next) {
      capacity ??= wish.capacity;
      ordering ??= wish.ordering;
    }
    return { capacity, ordering };
  }

  /**
   * Opens it for one more handle, and resolves with what is to be called once that is closed. Rejects with `ERR_CAPACITY_MISMATCH` where
   * that is known by now.
   */
  async open(asked: Omit<MailboxSpec, 'maxBytes'>, role: 'sender' | 'receiver'): Promise<() => void> {
    this.check(asked);
    const wish = this.wishes.add(asked.capacity, asked.ordering);
    if (role === 'receiver' && ++this.receivers === 1) this.attachment?.announceReceivers(true);
    const release = (): void => {
      if (!this.wishes.delete(wish)) return;
      if (role === 'receiver' && --this.receivers === 0) this.attachment?.announceReceivers(false);
      this.retireLater();
    };
    try {
      if (role === 'receiver') await this.channel.seek();
      else await within(this.channel.seek(), OPEN_PATIENCE);
      this.check(asked);
    } catch (error) {
      release();
      throw error;
    }
    return release;
  }

  /** Keeps it for one more handle that asks for nothing; until what is returned is called. */
  hold(): () => void {
    const wish = this.wishes.add();
    return () => this.wishes.delete(wish) && this.retireLater();
  }

  /** Nothing here needs it: no handle, no call, and nothing of which it is to be told whether it was lost. */
  get unused(): boolean {
    if (!this.wishes.none || this.queue !== null || this.adopting.length > 0 || this.doubt !== null)
      return false;
    return this.channel.idle && (this.attachment?.idle ?? true);
  }

  /** The last of it, once unused. */
  abandon(): void {
    this.attachment?.leave();
    this.attachment = null;
  }

  progressed(): void {
    if (this.wishes.none) this.network.retire(this);
  }

  private retireLater(): void {
    if (this.wishes.none) void this.channel.rest().then(() => this.network.retire(this));
  }

  /** Becomes the host: the queue is here from now on. */
  startHosting(): Queue {
    const { name, maxBytes } = this.spec;
    const { adopted, wished } = this;
    const capacity = wished.capacity ?? adopted?.capacity ?? DEFAULT_CAPACITY;
    const ordering = wished.ordering ?? adopted?.ordering ?? 'fifo';
    this.queue = new Queue(name, capacity, ordering, maxBytes);
    for (const adoption of this.adopting.splice(0)) this.queue.adopt(adoption);
    this.adoptingBytes = 0;
    this.network.hosting(this);
    return this.queue;
  }

  /** Another process opens the mailbox hosted here. Null when it is not. */
  serve(session: Session, channel: number, asked: Omit<MailboxSpec, 'maxBytes'>): Served | null {
    if (this.queue === null) return null;
    const mismatch = capacityMismatch(asked, this.queue);
    if (mismatch !== null) throw mismatch;
    const shared = this.inboxOf === null;
    const served = new Served(session, channel, this.queue, (over) => this.deserted(over), shared);
    served.adopted = this.adoptedFrom?.get(session.peerName)?.here ?? 0;
    this.servedChannels ??= new Set();
    this.servedChannels.add(served);
    return served;
  }

  /** Takes a message that a former host had accepted. */
  adopt(envelope: Envelope, confirm: () => void): void {
    const adoption = (): Adoption => new Adoption(envelope, confirm, this.tallyOf(envelope.from));
    if (this.queue !== null) return this.queue.adopt(adoption());
    // Only who is about to host inherits, and as much as it may hold; the former host reports what is not confirmed.
    this.adoptingBytes += lengthOf(envelope) + ADOPTION_COST;
    if (this.attachment !== null || this.adoptingBytes > this.spec.maxBytes) return;
    this.adopting.push(adoption());
    this.channel.look();
  }

  /**
   * Stops hosting: senders and receivers elsewhere are sent to the next host. Resolves once they have gone, or after `patience`
   * milliseconds, with what was accepted and not received, in order, and a process that may inherit it. `unanswered` messages were
   * shown to a receiver that did not say in time whether it took them: nobody else may get those.
   */
  async stopHosting(
    reason: () => Error,
    patience: number,
  ): Promise<{ left: Envelope[]; unanswered: number; heir: Session | null }> {
    const { queue } = this;
    if (queue === null) return { left: [], unanswered: 0, heir: null };
    this.queue = null;
    this.adoptedFrom = null;
    queue.close(reason);
    const channels = this.servedChannels ?? new Set<Served>();
    const heirs = this.inboxOf === null ? [...channels] : [];
    for (const served of channels) served.moved();
    // What is on the wire is still answered: sends that they made, and messages that they were shown and may give back.
    if (channels.size > 0)
      await within(new Promise<void>((resolve) => (this.onDeserted = resolve)), patience);
    const left = queue.drain().map((entry) => entry.envelope);
    const unanswered = queue.size - left.length;
    // Only now is it known which of them have receivers: they may have opened or closed them meanwhile.
    const heir = heirs.find((served) => served.receives && served.session.open && !channels.has(served));
    return { left, unanswered, heir: heir?.session ?? null };
  }

  /**
   * Ceases to host for another that hosts it, too: two that were cut off from each other. What waits here waits on, for that one;
   * `handOn` passes on to it what was accepted and not received; of some (`unanswered`) that is not known.
   */
  giveWay(handOn: (left: Envelope[], unanswered: number) => Promise<void>): void {
    const { queue } = this;
    if (queue === null || this.givingWay !== null) return;
    const { sends, receives } = queue.surrender(isRemote);
    this.givingWay = this.stopHosting(() => new Moved(), GIVE_WAY_PATIENCE)
      .then(({ left, unanswered }) => handOn(left, unanswered))
      .finally(() => {
        this.givingWay = null;
      });
    this.channel.lost(queue, sends, receives);
  }

  detached(
    from: Attachment,
    sends: SendOperation[],
    receives: ReceiveOperation[],
    lost: number | null,
    doubtful = 0,
  ): void {
    if (this.attachment === from) this.attachment = null;
    this.gone = from;
    if (doubtful > 0) this.doubt = { host: from.host, messages: doubtful };
    if (lost !== null) this.network.lost(this, from.host, lost);
    this.channel.lost(from, sends, receives);
    // Receivers must inherit the mailbox even while none of them is waiting.
    if (this.receivers > 0) this.channel.look();
    this.retireLater();
  }

  /** Of the messages in doubt the next host has so many. */
  private resolveDoubt(handedOver: number): void {
    const { doubt } = this;
    this.doubt = null;
    if (doubt !== null && doubt.messages > handedOver)
      this.network.lost(this, doubt.host, doubt.messages - handedOver);
  }

  private tallyOf(from: string): AdoptedTally {
    this.adoptedFrom ??= new Map();
    let tally = this.adoptedFrom.get(from);
    if (tally === undefined) {
      tally = new AdoptedTally(this, from);
      this.adoptedFrom.set(from, tally);
    }
    return tally;
  }

  /** @internal one of the adopted messages of this sender has been received */
  adoptedReceived(from: string): void {
    for (const served of this.servedChannels ?? [])
      if (served.session.peerName === from) served.adoptedReceived();
  }

  /** @internal no adopted message of this sender is left */
  adoptedGone(tally: AdoptedTally): void {
    if (this.adoptedFrom?.get(tally.from) === tally) this.adoptedFrom.delete(tally.from);
  }

  private deserted(by: Served): void {
    this.servedChannels?.delete(by);
    if (this.servedChannels?.size === 0) this.onDeserted?.();
  }

  private check(asked: Omit<MailboxSpec, 'maxBytes'>): void {
    const known = this.queue ?? this.attachment;
    const own = {
      capacity: known?.capacity ?? this.wished.capacity,
      ordering: known?.ordering ?? this.wished.ordering,
    };
    const mismatch = capacityMismatch(asked, {
      capacity: own.capacity ?? asked.capacity ?? DEFAULT_CAPACITY,
      ordering: own.ordering ?? asked.ordering ?? 'fifo',
    });
    if (mismatch !== null) throw mismatch;
  }

  private async reach(): Promise<Reached> {
    // What this process accepted stays ahead of what comes now.
    await this.givingWay;
    const reached = await this.network.reachHost(this);
    if (reached === 'self') {
      const queue = this.queue ?? this.startHosting();
      this.resolveDoubt(this.adoptedFrom?.get(this.network.self.name)?.here ?? 0);
      return { channel: queue };
    }
    if (reached === 'nobody') this.resolveDoubt(0);
    if (typeof reached === 'string') return reached;
    const receives = this.receivers > 0;
    const attachment = await reached.channels.attach(
      { name: this.spec.name, ...this.wished },
      receives,
      this,
    );
    if (attachment === null || attachment === this.gone) return 'changing';
    this.attachment = attachment;
    this.resolveDoubt(attachment.adopted);
    if (this.receivers > 0 !== receives) attachment.announceReceivers(!receives);
    this.adopted = { capacity: attachment.capacity, ordering: attachment.ordering };
    for (const adoption of this.adopting.splice(0)) reached.channels.adopt(this.spec.name, adoption);
    this.adoptingBytes = 0;
    return { channel: attachment };
  }
}

/**
 * A message that a former host had accepted, on its way into the present host's queue. If it does not get there (another process
 * became the host, and died), nobody confirms it, and the former host reports it: who died may have passed it on.
 */
class Adoption extends SendOperation {
  constructor(
    envelope: Envelope,
    private readonly confirm: () => void,
    private readonly tally: AdoptedTally,
  ) {
    super(envelope, true);
    this.tracker = tally;
    tally.begin();
  }

  override accepted(): void {
    if (!this.settle(undefined)) return;
    this.tally.accepted();
    this.confirm();
  }

  override fail(error: unknown): void {
    if (!this.settled) this.tally.end();
    super.fail(error);
  }
}

/** The messages of one sender that were adopted: one object for all, as there may be very many of them. */
class AdoptedTally implements Tracker {
  /** In the queue here. */
  here = 0;
  private all = 0;

  constructor(
    private readonly mailbox: HostedMailbox,
    readonly from: string,
  ) {}

  begin(): void {
    this.all++;
  }

  /** By this process's queue, or by the present host, to which it was passed on. */
  accepted(): void {
    if (this.mailbox.queue === null) this.end();
    else this.here++;
  }

  received(): void {
    this.here--;
    this.mailbox.adoptedReceived(this.from);
    this.end();
  }

  end(): void {
    if (--this.all === 0) this.mailbox.adoptedGone(this);
  }
}

/** Waits for `promise`, but not for longer; its rejection counts only in that time. */
export async function within(promise: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  promise.catch(() => {});
  await Promise.race([promise, patience]).finally(() => clearTimeout(timer));
}

/** Milliseconds from now to `end`. */
export function until(end: number): number {
  return Math.max(0, end - performance.now());
}
