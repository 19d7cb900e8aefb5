/**
 * What a contender supplies. One file in `contenders/` holds one mechanism and exports `cases`; the harness finds
 * it by its presence there, runs each case in fresh processes, and does all the measuring.
 */

import type { ChildProcess, SpawnOptions } from 'node:child_process';
import type { Body, LoadName } from './load/load.js';
import type { Order } from './load/order.js';
import type { Source } from './load/source.js';

/** The channel between the leading process of a case and another one, for contenders that measure it, or hand something over. */
export interface Channel {
  /** As `process.send`: `false` when the caller should wait for `done` before sending more. */
  send(message: object, done?: (error: Error | null) => void): boolean;
  /** Sets the only listener for messages that are not the harness's own. Those that came before wait for it. */
  onMessage(listener: (message: unknown) => void): void;
  /** The next such message, past the listener; it may have come already where there is no listener. */
  next(): Promise<unknown>;
}

/** Where a case runs. */
export interface Place {
  /** A fresh, empty, private directory, shared by all processes of the case and removed afterwards. */
  readonly directory: string;
  /** The directory of the whole run, for what is made once. */
  readonly root: string;
  /** A short path for a socket in that directory. */
  socketPath(name: string): string;
  /** To the leading process; in that one, to the first of the others. */
  readonly channel: Channel;
}

/** Releases everything that one side opened. Called once, when nothing is in flight. */
export type Close = () => void | Promise<void>;

/** The producing end of a one-way case. */
export interface Producer {
  /** Sends every message of the source, in sequence; resolves when the mechanism has taken the last. Called again and again. */
  send(source: Source): Promise<void>;
  close: Close;
}

/** The producing end of an open-loop case. */
export interface Submitter {
  /** Sends one message without waiting; what the mechanism does not take at once waits in memory, in order. */
  submit(body: Body): void;
  close: Close;
}

/** The requesting end of a round-trip case. */
export interface Requester {
  /** Sends one message and gives the one that came back, without a promise where it blocks. Called strictly one after another. */
  exchange(body: Body): Body | Promise<Body>;
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

/** Starts `script` with what else it is given, as `spawn` does. */
export type Spawn = (
  script: string,
  options: SpawnOptions & { args: string[]; execArgv: string[] },
) => ChildProcess;

interface CaseBase {
  /** Unique within its kind; `--only` matches `kind/name`. */
  readonly name: string;
  /** One of ours; the others are what ours is measured against, and show how far the machine itself has changed. */
  readonly ours?: true;
  /** Not in `--quick`. */
  readonly detail?: true;
  /** Looks all the time whether something has come, so it takes its rounds when no other case lives, which it would disturb. */
  readonly restless?: true;
  /** How the channel between two processes serializes; Node's default is `json`. */
  readonly serialization?: 'json' | 'advanced';
  /** What the other ends run in: processes, which is the default, threads of the leading process, or its main thread too. */
  readonly others?: 'threads' | 'here';
  /** How to start the other processes. Default: `spawn`. */
  readonly spawn?: Spawn;
}

/** Throughput. The consumers are open before the producers start. */
export interface OneWayCase extends CaseBase {
  readonly kind: 'one-way';
  readonly load?: LoadName;
  /** Default 1. */
  readonly producers?: number;
  /** Default 1. */
  readonly consumers?: number;
  consume(place: Place, take: (body: Body) => void): Promise<Close>;
  /** `index` counts the producers from 0. */
  produce(place: Place, index: number): Promise<Producer>;
}

/** Throughput of opaque bytes, size after size; each size is opened anew. */
export interface SizesCase extends CaseBase {
  readonly kind: 'sizes';
  readonly largest?: number;
  consume(place: Place, take: (body: Body) => void, size: number): Promise<Close>;
  produce(place: Place, size: number): Promise<Producer>;
}

/** Latency at fixed rates, whatever the mechanism can do. The consumer is open before the producer. */
export interface OpenLoopCase extends CaseBase {
  readonly kind: 'open-loop';
  consume(place: Place, take: (body: Body) => void): Promise<Close>;
  produce(place: Place): Promise<Submitter>;
}

/** Latency, sequential ping-pong. The responder is open before the requester. */
export interface RoundTripCase extends CaseBase {
  readonly kind: 'round-trip';
  readonly load?: LoadName;
  respond(place: Place): Promise<Close>;
  request(place: Place): Promise<Requester>;
}

/** The same with as many pairs at once as there are processors. */
export interface CrowdCase extends Omit<RoundTripCase, 'kind'> {
  readonly kind: 'crowd';
}

/** What idle mailboxes cost: descriptors, memory and CPU on both sides. */
export interface FootprintCase extends CaseBase {
  readonly kind: 'footprint';
  readonly mailboxes: number;
  host(place: Place): Promise<MailboxHost>;
  sender(place: Place): Promise<MailboxSender>;
}

/** Whether a message costs the same with little and with much of something, in one process. */
export interface ScalingCase extends CaseBase {
  readonly kind: 'scaling';
  readonly few: number;
  readonly many: number;
  /** Opens as much; `pass` then sends and receives about `count` messages, and says how many. */
  open(place: Place, amount: number): Promise<{ pass(count: number): Promise<number>; close: Close }>;
}

/** A bound that no message-passing can beat: encoding and decoding in one process, on one core. */
export interface CeilingCase extends CaseBase {
  readonly kind: 'ceiling';
  /** A fresh codec. What `encode` returns need only last until the next call. */
  codec(): { encode(order: Order): unknown; decode(encoded: unknown): Order };
}

/** What the mechanism itself costs: a C program of `floors/`, compiled when the run starts. */
export interface FloorCase extends CaseBase {
  readonly kind: 'floor';
  /** The program, without `.c`, and its arguments. */
  readonly program: string;
  readonly args: readonly string[];
}

/** Any case. */
export type Case =
  | OneWayCase
  | SizesCase
  | OpenLoopCase
  | RoundTripCase
  | CrowdCase
  | FootprintCase
  | ScalingCase
  | CeilingCase
  | FloorCase;

/** The name of a kind of case. */
export type KindName = Case['kind'];

/** What a contender's module exports. */
export interface ContenderModule {
  readonly cases: readonly Case[];
  /** Why it cannot run here, such as a server that is not installed; then it is left out, and the report says so. */
  readonly absent?: string;
}
