import type { PeerInfo } from '../transport.js';

/** Who hosts a mailbox. */
export interface HostRecord {
  readonly peer: PeerInfo;
  /** Over which transport; '' when not (yet) known. */
  readonly transport: string;
}

/** How far a process is with the right to host a mailbox: it has it, or is about to see whether it may. */
export interface ClaimState {
  readonly claim: 'owned' | 'raised';
  readonly transport: string;
}

export interface Claimant extends ClaimState {
  readonly peer: PeerInfo;
}

/** Processes of the namespace on other hosts. They share no directory with this one, so each is asked for its own claims. */
export interface Neighbourhood {
  peers(): PeerInfo[];
  /** Lets those that are there say so, for a while. `ERR_IN_USE` when one knows another live process of this one's name. */
  meet(): Promise<void>;
  /** Who of them claims the mailbox. Waits for those of whom it is not known whether they live. */
  ask(mailbox: string): Promise<Claimant | null>;
  /** This process has begun or ceased to host it. */
  tell(mailbox: string, hosts: boolean): void;
  /** Makes no more acquaintances, and lets nobody wait. */
  leave(): void;
}

/** What a registry reports. */
export interface RegistryEvents {
  peerUp(peer: PeerInfo): void;
  peerDown(peer: PeerInfo): void;
  /** A process now hosts, or no longer hosts, this mailbox. A hint to look again, not a fact to build on. */
  hostChanged(mailbox: string): void;
  warn(error: Error): void;
}

/**
 * Who is in the namespace, and who hosts which mailbox. Names and mailboxes are owned by claims that lapse when their
 * owner dies; death is proved by the kernel, never by a timeout and never by a pid.
 */
export interface Registry {
  readonly self: PeerInfo;
  /** Set before `join()` by what knows any. */
  neighbours: Neighbourhood | null;
  /**
   * Takes the name, and when `prepare` is done, makes the acquaintance of all others. `ERR_IN_USE` when a live process has the name;
   * what `prepare` rejects with.
   */
  join(prepare?: () => Promise<void>): Promise<void>;
  /** The live process of this name, this one included. */
  find(name: string): PeerInfo | null;
  peers(): PeerInfo[];
  /** The live process of this incarnation, whether or not it was known before. */
  identify(incarnation: string): Promise<PeerInfo | null>;
  /** Whether it is known to live, by the kernel of this host, which will tell of its death: silence proves nothing then. */
  vouches(incarnation: string): boolean;
  /** What this process itself claims. */
  claimOf(mailbox: string): ClaimState | null;
  /** The mailboxes that this process hosts. */
  hosts(): string[];
  locate(mailbox: string): Promise<HostRecord | null>;
  /** Becomes the host. False when a live process is. */
  claim(mailbox: string, transport: string): Promise<boolean>;
  /** With an `heir`, a live process, that one is the next host once it claims, and nobody else before it. */
  release(mailbox: string, heir?: PeerInfo): Promise<void>;
  /** Takes back what `release` did for an heir who has gone without claiming. */
  disinherit(mailbox: string, heir: PeerInfo): Promise<void>;
  /** Gives up name and claims and takes leave of the others. Idempotent. */
  leave(): Promise<void>;
}
