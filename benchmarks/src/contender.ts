/**
 * What a contender supplies. One file in `contenders/` holds one mechanism and exports `cases`; the harness finds
 * it by its presence there, runs each case in fresh processes, and does all the measuring.
 */

import type { Order, OrderSource } from './order.js';

/** The Node.js IPC channel between the two processes of a case, for contenders that measure that channel itself. */
export interface Channel {
  /** As `process.send`: `false` when the caller should wait for `done` before sending more. */
  send(message: object, done?: (error: Error | null) => void): boolean;
  /** Sets the only listener for messages that are not the harness's own. */
  onMessage(listener: (message: unknown) => void): void;
}

/** Where a case runs. */
export interface Place {
  /** A fresh, empty, private directory, shared by both processes and removed afterwards. */
  readonly directory: string;
  /** A short path for a socket in that directory. */
  socketPath(name: string): string;
  readonly channel: Channel;
}

/** Releases everything that one side opened. Called once, when nothing is in flight. */
export type Close = () => void | Promise<void>;

/** The producing end of a one-way case. */
export interface Producer {
  /** Sends every order of the source, in sequence; resolves when the mechanism has taken the last. */
  send(source: OrderSource): Promise<void>;
  close: Close;
}

/** The requesting end of a round-trip case. */
export interface Requester {
  /** Sends one order and resolves with the one that came back. Called strictly one after another. */
  exchange(order: Order): Promise<Order>;
  close: Close;
}

/** The receiving end of many mailboxes. */
export interface MailboxHost {
  /** Opens a receiver on the mailbox with this number and keeps it. */
  open(index: number): Promise<void>;
  /** Takes one message from each of the first `count` mailboxes and adds them up. */
  collect(count: number): Promise<number>;
  close: Close;
}

/** The sending end of many mailboxes. */
export interface MailboxSender {
  /** Opens a sender on the mailbox with this number and keeps it. */
  open(index: number): Promise<void>;
  /** Sends each of the first `count` mailboxes its own number. */
  send(count: number): Promise<void>;
  close: Close;
}

interface CaseBase {
  /** Unique within its kind; `--only` matches `kind/name`. */
  readonly name: string;
  /** How the channel between the two processes serializes; Node's default is `json`. */
  readonly serialization?: 'json' | 'advanced';
}

/** Throughput, one producing and one consuming process. The consumer is open before the producer starts. */
export interface OneWayCase extends CaseBase {
  readonly kind: 'one-way';
  consume(place: Place, take: (order: Order) => void): Promise<Close>;
  produce(place: Place): Promise<Producer>;
}

/** Latency, sequential ping-pong. The responder is open before the requester. */
export interface RoundTripCase extends CaseBase {
  readonly kind: 'round-trip';
  respond(place: Place): Promise<Close>;
  request(place: Place): Promise<Requester>;
}

/** What an idle mailbox costs: descriptors and heap on both sides. */
export interface FootprintCase extends CaseBase {
  readonly kind: 'footprint';
  readonly mailboxes: number;
  host(place: Place): Promise<MailboxHost>;
  sender(place: Place): Promise<MailboxSender>;
}

/** A bound that no message-passing can beat: encoding and decoding in one process, on one core. */
export interface CeilingCase extends CaseBase {
  readonly kind: 'ceiling';
  /** A fresh codec. What `encode` returns need only last until the next call. */
  codec(): { encode(order: Order): unknown; decode(encoded: unknown): Order };
}

/** Any case. */
export type Case = OneWayCase | RoundTripCase | FootprintCase | CeilingCase;

/** The name of a kind of case. */
export type KindName = Case['kind'];

/** What a contender's module exports. */
export interface ContenderModule {
  readonly cases: readonly Case[];
}
