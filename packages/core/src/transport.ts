import type { Buffer } from 'node:buffer';
import type { ChildProcess } from 'node:child_process';
import type { Capacity, Ordering } from './address.js';
import type { CodecLimits } from './codec.js';
import type { Envelope, Selector } from './message.js';
import type { ReceiveOperation, SendOperation } from './waiters.js';
import type { Waiting } from './waiting.js';

/**
 * What the rules ask of a mailbox that a queue of the kernel's may be unable to give. Asking for it rejects with `ERR_UNSUPPORTED`, or, where
 * it is a matter of how much, with `ERR_OS_LIMIT`:
 *
 * - `rendezvous`, `unbounded`: these capacities.
 * - `many places`: any bounded capacity; without it what the kernel allows (`ERR_OS_LIMIT`), which also is the default.
 * - `large bodies`: bodies up to `maxMessageBytes`; without it as large as one of the kernel's messages (`ERR_OS_LIMIT`).
 * - `priority`: `ordering: 'priority'`.
 * - `type`: receiving by one type.
 * - `selection`: receiving by the sender, or by one of several types.
 * - `direct`: messages to a process: `peer()`, `anyPeer`, and what rests on them (actors, topics).
 */
export const abilities = [
  'rendezvous',
  'unbounded',
  'many places',
  'large bodies',
  'priority',
  'type',
  'selection',
  'direct',
] as const;

export type Ability = (typeof abilities)[number];

/**
 * What a transport promises, beyond the rules that all keep. The conformance suite reads this and, for what is `false`,
 * tests the documented error instead of the ability; `runtime.explain()` shows it.
 */
export interface Capabilities {
  /** `sendSync`, `receiveSync` and their `try` forms work; else they throw `ERR_UNSUPPORTED`. */
  readonly sync: boolean;
  /** Runtimes in several worker threads of one process can share a mailbox. */
  readonly crossThread: boolean;
  /** Runtimes in several operating-system processes can share a mailbox. */
  readonly crossProcess: boolean;
  /** Runtimes on several hosts can share a mailbox. */
  readonly crossHost: boolean;
  /** Accepted messages outlive every process that has the mailbox open. */
  readonly durable: boolean;
  /**
   * `false`: messages travel at most once, unacknowledged: one may be lost, doubled or overtaken, and `send` resolves when it has left.
   * Absent: what was accepted arrives, once and in order.
   */
  readonly reliable?: false;
  /** Absent: nothing. */
  readonly lacks?: readonly Ability[];
}

/** A running process (or worker thread) of the namespace. */
export interface PeerInfo {
  readonly name: string;
  /** 16 hexadecimal digits, new for every `createRuntime`: tells a restarted process from its predecessor. */
  readonly incarnation: string;
  /** For people; identity never rests on it. */
  readonly pid: number;
  /** Where each of its transports listens: what `Port.connect` takes. */
  readonly ports: Readonly<Record<string, string>>;
}

/** What the runtime tells a transport about itself. */
export interface PortContext {
  readonly namespace: string;
  readonly self: { readonly name: string; readonly incarnation: string };
  /** A path in the namespace directory for an object of this process (`<incarnation>.<suffix>`), removed with it. */
  path(suffix: string): string;
  /** Where an object is made before a rename shows it under `path`: what is there is never taken for a dead process's. */
  staging(path: string): string;
  /** Another process has connected. The transport then reports on `handler`. */
  accept(link: Link): LinkHandler;
  /** The runtime's `busyPoll`: microseconds to stay awake for what may come next (`BusyPoll`, `Patience`); what comes over links is seen to by core. Absent: 0. */
  readonly busyPoll?: number;
  /** Something the operator should know; never thrown into the message path. */
  warn(error: Error): void;
}

/**
 * One end of a link: an ordered, reliable, full-duplex stream of bytes to one other process. Framing, batching, identity,
 * flow control and everything about mailboxes is core's; a link moves bytes.
 */
export interface Link {
  /**
   * Takes `batch` whole and in order, in one system call where the kernel lets it. The caller never touches `batch`
   * again, unless the link is `empty` then. Returns `false` when the link would rather wait for `handler.drain()` before the next batch.
   */
  write(batch: Uint8Array): boolean;
  /** Ends the link once everything written has left; the other side sees `handler.end()`. Idempotent. */
  close(): void;
  /** Ends the link at once, dropping what has not left. Idempotent; `handler.end()` follows. */
  destroy(error?: Error): void;
  /** Nothing that was written lies in this process any more, or is looked at. Absent: not known. */
  readonly empty?: boolean;
  /** Batches longer than this are not passed to `write`. Absent: any length. */
  readonly maxWriteBytes?: number;
  /**
   * Whether all that was written is out of this process's hands: not even SIGKILL now keeps it from the other side. If not, `done` is called
   * once what was written by now is, or the link is over; never from within this call. Absent: it is as soon as `write` returns.
   *
   * Core asks when a message has been received, and lets the application have it only then: or the host might never hear that it was
   * taken, and give it to another as well.
   */
  sent?(done: () => void): boolean;
  /**
   * Present when the mechanism may not see the other side die. Core then sends a ping each so many milliseconds, and destroys the link
   * when nothing at all has come between two; but never the link with a process of this host that the registry knows to live.
   */
  readonly heartbeat?: number;
  /**
   * The other process is known to be dead or to have left, by the word of the kernel and not by a timeout. Present when the
   * mechanism cannot see that: the link reports what has come from it, then `handler.end()`.
   */
  peerDown?(): void;
  /**
   * Whether the other side has proved that it may speak for the process at that address of a port. Absent: the mechanism proves
   * nothing of the kind.
   */
  speaksFor?(address: string): boolean;
}

/** What a link reports. Core implements it; none of these throws. */
export interface LinkHandler {
  /**
   * Bytes have come. `chunk` is only read during the call unless `owned`, in which case the handler may keep it. `more`: others follow
   * before the event loop turns, so that what need not be answered now may wait for them.
   */
  data(chunk: Uint8Array, owned: boolean, more?: boolean): void;
  /**
   * Instead of `data`: where the next bytes are to be read to, a part of `intake` or memory of the handler's own, which the link may write to until it
   * calls `filled`, once, or the link is over. Optional.
   */
  place?(intake: Uint8Array): Uint8Array;
  /** With `place`: so many bytes have come there. */
  filled?(bytes: number): void;
  /** After `write` returned false: there is room again. */
  drain(): void;
  /** The link is over, exactly once, after all `data`. `error` when it did not end in order. */
  end(error?: Error): void;
}

/** Where one process is reached over one transport. */
export interface Port {
  /** Published to the other processes, whose `connect` understands it. */
  readonly address: string;
  /**
   * Connects to another process's port. Rejects with `ERR_PEER_DOWN` when nothing listens there any more, with
   * `ERR_TRANSPORT`, `ERR_OS_LIMIT` or `ERR_PERMISSION` for other reasons.
   */
  connect(address: string, handler: LinkHandler): Promise<Link>;
  /** Processes on other hosts with which core is to keep links. */
  readonly neighbours?: {
    /** By process name, what `connect` takes. */
    readonly addresses: Readonly<Record<string, string>>;
    /** After how many milliseconds without a sign of life one counts as dead. */
    readonly silence: number;
  };
  /** A thread of its own waits for what comes, which needs a processor: the event loop is then not kept turning for it (`busyPoll`). */
  readonly waitsInThread?: boolean;
  /**
   * A process is known to be dead or to have left, by the word of the kernel and not by a timeout. Present when the mechanism cannot see
   * that: the links with it end after what has come, and what it left is put away.
   */
  peerDown?(peer: PeerInfo): void;
  /**
   * Stops listening and removes what it left in the file system. Open links stay; of those still being made `connect` rejects with
   * `ERR_PEER_DOWN`.
   */
  close(): Promise<void>;
}

/** How a process is to be started: as `fork` of `node:child_process` takes it. `stdio` has an IPC channel. */
export interface ProcessOptions {
  readonly serialization: 'advanced';
  readonly stdio: ('ignore' | 'inherit' | 'ipc')[];
}

/** A transport over which mailboxes are hosted by one process and reached by the others through links. */
export interface LinkTransport {
  readonly kind: 'link';
  readonly name: string;
  readonly capabilities: Capabilities;
  /** Opens this process's port: called once for a runtime. */
  open(context: PortContext): Promise<Port>;
  /**
   * Starts a Node.js script as a process that this transport reaches. Present where another way of starting it will not do; core
   * then starts so the processes of actors. Throws what keeps it from starting.
   */
  startProcess?(script: string, options: ProcessOptions): ChildProcess;
  /** What else `explain` is to tell of it, and of that mailbox, here and now, such as an ability that depends on the machine. */
  details?(mailbox?: string): Readonly<Record<string, string>>;
}

/** How a mailbox is opened on a store, and what its hosted twin is told. `undefined` adopts the mailbox's own. */
export interface MailboxSpec {
  readonly name: string;
  readonly capacity: Capacity | undefined;
  readonly ordering: Ordering | undefined;
  /** Encoded bytes the mailbox may hold before a send fails with `ERR_NO_SPACE`. */
  readonly maxBytes: number;
  /** Of bodies, for a store that others than our own processes may write to (`verifyBody`). Absent: the defaults. */
  readonly limits?: CodecLimits;
}

/**
 * One mailbox as this process reaches it: the one contract below the handles. The queue in memory, the proxy of a mailbox
 * that another process hosts, and every store implement it.
 *
 * Operations carry their own timeout, abort and promise (`waiters.ts`); a channel only decides when each can be settled.
 */
export interface Channel {
  readonly capacity: Capacity | undefined;
  /**
   * Takes a send: settles it now (`accepted`, `refused` for a `try`, `fail`) or keeps it, in order, until it can.
   */
  send(operation: SendOperation): void;
  /** Takes a receive: delivers now, answers `empty` to a `try`, or keeps it, in order, until a message matches. */
  receive(operation: ReceiveOperation): void;
  /**
   * The operation's timeout or signal fired. The channel withdraws it and calls `withdrawn()`, or, if it is too late,
   * settles it as it came out. A message must not be both withdrawn and accepted.
   */
  cancelSend(operation: SendOperation): void;
  /** As `cancelSend`. A receive may always be withdrawn at once: a message on its way to it goes to the next receive. */
  cancelReceive(operation: ReceiveOperation): void;
  /**
   * Blocks the thread until the operation is settled or `timeout` milliseconds have passed. Present where
   * `capabilities.sync` is true.
   */
  waitSync?(operation: Waiting, timeout: number): void;
  /** Present where, and while, messages can be sent within a call, which needs no operation then. */
  readonly sendAtOnce?: SendAtOnce | undefined;
  /**
   * Takes the first message that matches, without an operation; null if there is none, or none that can be had within a call. It takes none
   * that an operation which waits is to have. `blocking`: the thread would sleep next, so that a few microseconds may be spent on
   * waiting for one. Throws what the operation would fail with.
   */
  take?(selector: Selector | null, blocking: boolean): Envelope | null;
  /** Takes what there is, up to `max`, in order. Hands each to `each`, which does not throw; its body is valid for that call. */
  takeMany?(selector: Selector | null, max: number, each: (envelope: Envelope) => void): void;
  /**
   * Memory of the mailbox's own for a body of so many bytes, which a `SendOperation` then brings back as its `lent`. Throws `ERR_NO_SPACE`. Absent,
   * or null: core has the body written elsewhere, and sends it as any other. The counterpart for receivers is `ReceiveOperation.lend`.
   */
  lend?(size: number): Lent | null;
}

/**
 * Sends within a call, so that a message costs no more than its way there: no operation, no promise, no bytes of its own. Nothing
 * overtakes an operation that waits. Each method throws what the operation would fail with.
 */
export interface SendAtOnce {
  /** Where bodies to be sent are put, one behind the other. One for a thread: what is sent meanwhile goes the long way. */
  readonly outgoing: Uint8Array;
  /** How long each of them is. */
  readonly lengths: Uint32Array;
  /**
   * Sends the first `lengths[0]` bytes of `outgoing`: true when they are accepted, false when they are not, `wait` being false; or
   * the operation that now waits.
   */
  send(codec: number, type: number, priority: number, wait: boolean): boolean | SendOperation;
  /** As `send`, of bytes that lie elsewhere and are copied during the call. Absent: none are sent from elsewhere. */
  sendBytes?(
    bytes: Uint8Array,
    codec: number,
    type: number,
    priority: number,
    wait: boolean,
  ): boolean | SendOperation;
  /** Sends `count` bodies until one would have to wait; how many were accepted. */
  sendMany(count: number, codec: number, type: number, priority: number): number;
}

/** Memory of a mailbox in which a body is written before it is sent. */
export interface Lent {
  /** A view of it, on a buffer of its own, which the application has until `seal` or `drop`. */
  open(): Uint8Array;
  /** Detaches that buffer: the body is being sent. Returns what its envelope has as `body`; a store ignores that. */
  seal(): Uint8Array;
  /** Detaches the buffer, and frees the memory unless its message was accepted, or still waits. Idempotent; does not throw. */
  drop(): void;
}

/** A channel of a store, with a life of its own. */
export interface StoreChannel extends Channel {
  readonly capacity: Capacity;
  readonly ordering: Ordering;
  close(): Promise<void>;
}

/** What joins a store: gives channels and tells of the other processes. */
export interface StoreAttachment {
  open(spec: MailboxSpec, role: 'sender' | 'receiver'): Promise<StoreChannel>;
  /** Another process has left or died: what it held of the store can be put right now. Absent: nothing to put right. */
  peerDown?(): void;
  /** Leaves; messages nobody received stay for the next process where the store is durable. */
  close(): Promise<void>;
}

/** A transport whose queue lives outside any one process (or, for `memory`, outside any one runtime). */
export interface StoreTransport {
  readonly kind: 'store';
  readonly name: string;
  readonly capabilities: Capabilities;
  attach(context: PortContext): Promise<StoreAttachment>;
  /** As of a `LinkTransport`. */
  details?(mailbox?: string): Readonly<Record<string, string>>;
}

/** What the runtime tells a datagram transport about itself. */
export interface DatagramContext extends Omit<PortContext, 'accept'> {
  /** A datagram has come. `origin`: from where, as `originOf` has it. The buffer is the runtime's from now on. */
  receive(datagram: Buffer, origin: string): void;
}

/** Where one process receives datagrams. */
export interface DatagramPort {
  /** Published to the other processes. */
  readonly address: string;
  /** Most bytes of one datagram. */
  readonly maxBytes: number;
  /** Sends one datagram. `done` is called once, when the kernel has taken it or has not; never from within this call. */
  send(address: string, pieces: Uint8Array[], done: (error: Error | null) => void): void;
  /** From where the datagrams of the port at `address` come; null for what is no address. */
  originOf(address: string): string | null;
  /** Datagrams that the kernel dropped because the receive buffer was full; null where it does not tell. */
  drops(): number | null;
  close(): Promise<void>;
}

/** A transport that carries each message in one datagram, at most once. */
export interface DatagramTransport {
  readonly kind: 'datagram';
  readonly name: string;
  /** With `reliable: false`. */
  readonly capabilities: Capabilities;
  open(context: DatagramContext): Promise<DatagramPort>;
  /** As for a link transport. */
  details?(mailbox?: string): Readonly<Record<string, string>>;
}

export type Transport = LinkTransport | StoreTransport | DatagramTransport;
