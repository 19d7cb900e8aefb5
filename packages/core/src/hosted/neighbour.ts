import { PigeonholeError } from '../errors.js';
import type { Claimant } from '../registry/registry.js';
import type { PeerInfo } from '../transport.js';
import type { Session } from './session.js';

/** How long the first, and at most how long any, pause between two tries to connect is (milliseconds). */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 2000;
/** The same while a process is sought that has just been there. */
const LONGEST_WHILE_LOST = 200;

export interface NeighbourOwner {
  /** Makes a link. `refused`: nothing listens at its address. Rejects when it is not known whether it lives. */
  meet(peer: PeerInfo): Promise<'met' | 'refused'>;
  /** Whether a process of this name is on this host. */
  isHere(name: string): boolean;
  up(peer: PeerInfo): void;
  down(peer: PeerInfo): void;
  warn(error: Error): void;
}

/**
 * One process on another host, at a fixed address.
 *
 * ```
 *            link             last link ends
 *   absent ───────▶ present ────────────────▶ lost ──▶ present: a link again, same incarnation
 *     ▲                ▲                       │ │
 *     │                └── another incarnation ┘ │
 *     └──── refused, silent, or lost for too long ┘
 * ```
 *
 * A link that ends proves nothing of the process: it counts as alive while it is `lost`.
 */
export class Neighbour {
  /** Who is there, or is lost; null: absent. */
  peer: PeerInfo | null = null;
  /** After the first try: rejects with `ERR_IN_USE` when it says that this process's name is taken. */
  readonly tried: Promise<void>;
  private settleTried!: (error?: unknown) => void;
  private readonly sessions = new Set<Session>();
  private lostAt = 0;
  private over = false;
  private complaint = '';
  private readonly waiting = new Set<() => void>();

  constructor(
    readonly described: PeerInfo,
    /** How long it may be lost (milliseconds). */
    private readonly silence: number,
    private readonly owner: NeighbourOwner,
  ) {
    this.tried = new Promise((resolve, reject) => {
      this.settleTried = (error) => (error === undefined ? resolve() : reject(error));
    });
    this.tried.catch(() => {});
  }

  get name(): string {
    return this.described.name;
  }

  get session(): Session | null {
    for (const session of this.sessions) if (session.open) return session;
    return null;
  }

  /** Keeps a link with it until `leave()`. */
  async run(): Promise<void> {
    let pause = FIRST_PAUSE;
    while (!this.over) {
      if (this.session !== null) {
        pause = FIRST_PAUSE;
        await this.change();
      } else if (this.owner.isHere(this.name)) {
        this.settleTried();
        await this.change(LONGEST_PAUSE);
      } else if (!(await this.meet())) {
        await this.change(pause * (0.5 + Math.random()));
        pause = Math.min(pause * 2, this.peer === null ? LONGEST_PAUSE : LONGEST_WHILE_LOST);
      }
    }
  }

  leave(): void {
    this.over = true;
    this.settleTried();
    this.changed();
  }

  /** A link with it is there; `peer` is of this process. */
  opened(session: Session, peer: PeerInfo): void {
    const before = this.peer;
    this.sessions.add(session);
    this.complaint = '';
    if (before?.incarnation !== peer.incarnation) {
      if (before !== null) this.owner.down(before);
      this.peer = peer;
      this.owner.up(peer);
    }
    this.changed();
  }

  ended(session: Session): void {
    if (!this.sessions.delete(session) || this.sessions.size > 0) return;
    this.lostAt = performance.now();
    if (session.silent) this.gone();
    this.changed();
  }

  /** What it says of its claim on a mailbox; waits while it is lost. Null: it has none, or is absent. */
  async ask(mailbox: string): Promise<Claimant | null> {
    while (!this.over && this.peer !== null) {
      const { session, peer } = this;
      if (session === null) {
        await this.change();
        continue;
      }
      const answer = await session.inquiries.ask(mailbox);
      if (answer !== undefined) return answer && { ...answer, peer };
    }
    return null;
  }

  /** Whether `peer` still lives, once that is known. */
  async outlives(peer: PeerInfo): Promise<boolean> {
    // A link that leads nowhere any more ends when something is asked over it.
    await this.session?.handled();
    while (!this.over && this.peer === peer && this.session === null) await this.change();
    return this.peer === peer;
  }

  /** One try to connect; whether there is a link now. */
  private async meet(): Promise<boolean> {
    try {
      if ((await this.owner.meet(this.described)) === 'refused') this.gone();
      this.settleTried();
    } catch (error) {
      const inUse = error instanceof PigeonholeError && error.code === 'ERR_IN_USE';
      this.settleTried(inUse ? error : undefined);
      if (this.peer !== null && performance.now() - this.lostAt > this.silence) this.gone();
      // That the link ended before either had said hello is no trouble: the other side is just coming or going.
      const passing = error instanceof PigeonholeError && error.code === 'ERR_PEER_DOWN';
      if (!passing) this.complain(error as Error);
    }
    return this.session !== null;
  }

  private gone(): void {
    const { peer } = this;
    if (peer === null || this.sessions.size > 0) return;
    this.peer = null;
    this.owner.down(peer);
    this.changed();
  }

  /** The same trouble is reported once, not at each try. */
  private complain(error: Error): void {
    if (error.message === this.complaint || this.over) return;
    this.complaint = error.message;
    this.owner.warn(error);
  }

  private changed(): void {
    for (const wake of [...this.waiting]) wake();
  }

  private change(atMost?: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.waiting.delete(wake);
        resolve();
      };
      const timer = atMost === undefined ? undefined : setTimeout(wake, atMost).unref();
      this.waiting.add(wake);
    });
  }
}
