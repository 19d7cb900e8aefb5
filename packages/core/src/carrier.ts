import type { Capacity } from './address.js';
import type { Channel, MailboxSpec, PeerInfo, Transport } from './transport.js';

/** One mailbox as one handle has it. */
export interface OpenMailbox {
  readonly channel: Channel;
  /** Once the handle is closed. */
  release(): void;
}

/** What a runtime could not get rid of when it closed. */
export interface Undelivered {
  readonly mailbox: string;
  readonly count: number;
}

/** Where nothing is repeated: messages that did not arrive, as far as this process can know. */
export interface Drops {
  /** They found no place in this mailbox. */
  readonly full: number;
  /** Datagrams, to any mailbox of this process, that were no message, of nobody known, or to a mailbox that it does not receive. */
  readonly refused: number;
  /** Datagrams that the kernel dropped because this process read too slowly; null where it does not tell. */
  readonly kernel: number | null;
}

/**
 * All of one runtime's mailboxes over one transport: hosted over links (`Network`), on a store (`StoreCarrier`), or over datagrams
 * (`DatagramCarrier`).
 */
export interface Carrier {
  readonly transport: Transport;
  open(spec: MailboxSpec, role: 'sender' | 'receiver'): Promise<OpenMailbox>;
  /** This process's own inbox, for receiving. */
  inbox(): Channel;
  /** The inbox of a process, this one included, for sending. */
  direct(peer: string): OpenMailbox;
  /** What `explain` tells of a mailbox: its capacity if known, and who hosts it (null: nobody, or it is on a store). */
  describe(mailbox: string): { capacity: Capacity | undefined; host: string | null; drops?: Drops };
  /** Somebody appeared, vanished, or hosts another mailbox: look again for what is sought. */
  lookAgain(name: string): void;
  /** A process is dead or has left. */
  peerDown(peer: PeerInfo): void;
  /** Hands on or gives up what is hosted here and closes every link, within `deadline` milliseconds. */
  close(deadline: number): Promise<Undelivered[]>;
  /** After the name has been given up: stops listening. */
  end(): Promise<void>;
}

/** The mailbox name under which a process's inbox travels; '@' keeps it apart from every real name (R1). */
export function inboxName(peer: string): string {
  return `@${peer}`;
}
