/** What the binary exports: the signatures stand above each object in its header. Errors are `KernelFailure`s. */
export interface Addon {
  mapRegion(fd: number, offset: number, length: number): ArrayBuffer;
  futexWait(view: Int32Array, index: number, expected: number, milliseconds: number): 0 | 1 | 2;
  futexWake(view: Int32Array, index: number, count: number): number;
  peerCredentials(fd: number): Credentials;
  adoptSocket(fd: number): { family: number; type: number; listening: boolean; path: string };
  duplicate(fd: number): number;
  makePipe(capacity: number): [read: number, write: number];
  makeFifo(path: string): void;
  readonly FifoReader: new (
    path: string,
    scratch: Uint8Array,
    onBytes: (countOrNegativeErrno: number) => void,
    capacity: number,
  ) => AddonFifoReader;
  readonly FifoWriter: new (path: string, onEvent: (oneOrNegativeErrno: number) => void) => AddonFifoWriter;
  readonly DatagramReceiver: new (
    path: string,
    scratch: Uint8Array,
    report: Uint32Array,
    onDatagrams: (countOrNegativeErrno: number) => void,
  ) => AddonDatagramReceiver;
  readonly DatagramSender: new (path: string, sendBuffer: number, onRoom: () => void) => AddonDatagramSender;
  udpPlaceOf(host: string, port: number): Uint8Array;
  readonly UdpSocket: new (
    host: string,
    port: number,
    receiveBuffer: number,
    scratch: Uint8Array,
    report: Uint32Array,
    onDatagrams: (countOrNegativeErrno: number) => void,
    onRoom: () => void,
  ) => AddonUdpSocket;
  unlinkPosixQueue(name: string): boolean;
  readonly PosixQueue: new (
    name: string,
    maxMessages: number,
    messageBytes: number,
    onEvent: (eventsOrNegativeErrno: number) => void,
  ) => AddonPosixQueue;
  openSysvQueue(key: number, create: boolean): number;
  readonly SysvQueue: new (id: number, onReady: (kindOrNegativeErrno: number) => void) => AddonSysvQueue;
  readonly FileLock: new (path: string, create: boolean) => AddonFileLock;
  readonly ShmMembers: new (path: string) => ShmMembers;
  readonly ShmMailbox: new (
    members: ShmMembers,
    path: string,
    name: string | null,
    capacity: number,
    ordering: number,
    defaultCapacity: number,
    maxBytes: number,
    process: string,
    tag: number,
    buffers: ShmBuffers,
  ) => ShmMailbox;
  /** Sends what is first in `outgoing`, as `marks` says; otherwise as `ShmMailbox.send`. `mailbox`: its number; 1: it may wait. */
  shmSend(mailbox: number, mayWait: 0 | 1): 0 | 1 | 2;
  /** Sends what is in `outgoing`, until one would have to wait; how many were accepted. */
  shmSendMany(mailbox: number, count: number): number;
  /**
   * 0: there is no message, nor did one come within the microseconds for which it may `linger`; 1: taken, and in `frames` and
   * `incoming`; 2: too large for that, so only claimed.
   */
  shmReceive(mailbox: number, selector: number, linger: 0 | 1): 0 | 1 | 2;
  /**
   * As many as there are and have room, at most so many as there are frames; their bodies one behind the other in `incoming`.
   * Negative: the last of so many had no room, and is only claimed.
   */
  shmReceiveMany(mailbox: number, selector: number, most: number): number;
  readonly ProcessWatch: new (pid: number, onEnd: () => void) => AddonProcessWatch;
}

/** Who uses one namespace's shared memory (src/shm/members.h). Errors are `ShmFault`s. */
export interface ShmMembers {
  /** Path of the FIFO that others ring. */
  readonly bell: string;
  /** Tries the door behind which mailboxes are opened, swept and left. */
  enter(): boolean;
  exit(): void;
  leave(): void;
  /** Every mailbox that is there: the path to open it by. */
  strays(): string[];
  /** Of a select: whoever is to give it a message, or takes one for it, takes its token first. One at a time. */
  newToken(): number;
  takeToken(token: number): boolean;
  releaseToken(token: number): void;
}

/** What JavaScript and the native part hand each other messages in; one for all mailboxes of a thread. */
export interface ShmBuffers {
  /** Bodies that were received. */
  readonly incoming: Uint8Array;
  /** Nine numbers for each of them: (a handle, or of a claim by a mailbox's method whether its body is in `incoming`), length, codec, type, priority, sentAt, lane, who has the lane, order. */
  readonly frames: Float64Array;
  /** Bodies to be sent. */
  readonly outgoing: Uint8Array;
  readonly lengths: Uint32Array;
  /** Of what is sent: codec, type, priority, sentAt. */
  readonly marks: Float64Array;
}

/** One mailbox in shared memory (src/shm/mailbox.h). -1 stands for no selector, no handle. Errors are `ShmFault`s. */
export interface ShmMailbox {
  readonly name: string;
  /** In this thread. */
  readonly number: number;
  readonly capacity: number;
  readonly byPriority: boolean;
  readonly replaced: boolean;
  /** Ordering, and whether the capacity is 0, will not change any more. */
  readonly settled: boolean;
  settle(capacity: number, ordering: number): void;
  send(
    body: Uint8Array,
    codec: number,
    type: number,
    priority: number,
    sentAt: number,
    mayWait: boolean,
  ): 0 | 1 | 2;
  /** How many were accepted, up to one that would have to wait; a fault of another than the first ends it, too. */
  sendSome(
    bodies: readonly Uint8Array[],
    codec: number,
    type: number,
    priority: number,
    sentAt: number,
  ): number;
  sendOutcome(handle: number): 0 | 1 | 2;
  withdrawSend(handle: number): 0 | 1 | 2;
  claim(selector: number): boolean;
  /** Copies the body of the latest claim into `target`, which has room for it; `take`: and takes it. */
  body(target: Uint8Array, take: boolean): void;
  take(): void;
  giveBack(): void;
  want(selector: number, token: number): number;
  available(selector: number): boolean;
  swapClaims(): void;
  met(handle: number): boolean;
  peek(handle: number): boolean;
  again(): void;
  withdrawWant(handle: number): boolean;
  selector(types: Uint32Array | null, from: string | null): number;
  dropSelector(selector: number): void;
  sleep(receiving: boolean, choosy: boolean, sending: boolean): void;
  awake(): void;
  block(milliseconds: number, receiving: boolean, choosy: boolean, handle: number, spin: boolean): void;
  /** Whether a claim may find, or do, what the last one has not. Not for capacity 0. */
  changed(): boolean;
  /** Stays for some microseconds until something may have changed since the last look: whether it has. */
  linger(): boolean;
  wakeReceivers(): void;
  promote(): void;
  sweep(): void;
  senderName(lane: number): string;
  live(): number;
  laneBytes(): number;
  poison(): void;
  /** The last one removes it if it is empty; with `discard`, whatever it holds. */
  leave(discard: boolean): void;
  /** Memory to write a body into: a number for `loanView`, then `sendLoan` or `dropLoan`. `sendLoan` is over with it unless refused. */
  lend(bytes: number): number;
  /** Null where the runtime has no buffers onto memory of others. Until `closeView`; one at a time of the same memory. */
  loanView(loan: number): ArrayBuffer | null;
  sendLoan(
    loan: number,
    codec: number,
    type: number,
    priority: number,
    sentAt: number,
    mayWait: boolean,
  ): 0 | 1 | 2;
  dropLoan(loan: number): void;
  claimedView(): ArrayBuffer | null;
  closeView(view: ArrayBuffer): void;
  /** Sets the latest claim apart, until `takeHeld`. */
  hold(): number;
  takeHeld(held: number): void;
}

export interface ShmFault extends Error {
  readonly kind: 'noSpace' | 'corrupt' | 'version' | 'limit' | 'busy' | 'system';
  readonly errno: number;
}

/** Of the process that made the other end of a Unix socket, when it did; or that sent a datagram, then. */
export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface AddonFifoReader {
  ref(): void;
  unref(): void;
  pause(): void;
  resume(): void;
  read(): number;
  close(): void;
}

export interface AddonFifoWriter {
  write(header: Uint8Array, body: Uint8Array, start: number, end: number): number;
  awaitRoom(): void;
  watch(): void;
  close(): void;
}

export interface AddonDatagramReceiver {
  ref(): void;
  unref(): void;
  receive(): number;
  close(): void;
}

export interface AddonDatagramSender {
  readonly maxBytes: number;
  send(header: Uint8Array, body: Uint8Array, start: number, end: number): number;
  awaitRoom(): void;
  close(): void;
}

export interface AddonUdpSocket {
  local(): [host: string, port: number];
  receiveBuffer(): number;
  source(slot: number): [host: string, port: number, place: Uint8Array];
  send(place: Uint8Array, pieces: readonly Uint8Array[]): number;
  awaitRoom(): void;
  ref(): void;
  unref(): void;
  close(): void;
}

export interface AddonPosixQueue {
  attributes(): [maxMessages: number, messageBytes: number, messages: number];
  send(header: Uint8Array, body: Uint8Array, start: number, end: number, priority: number): number;
  receive(scratch: Uint8Array): number;
  priority(): number;
  watch(events: number): void;
  ref(): void;
  unref(): void;
  close(): void;
}

export interface AddonSysvQueue {
  status(): [bytes: number, messages: number, maxBytes: number, key: number];
  setBytes(bytes: number): void;
  send(type: number, header: Uint8Array, body: Uint8Array, start: number, end: number, pad: number): number;
  receive(scratch: Uint8Array, type: number): number;
  type(): number;
  awaitMessage(type: number): void;
  awaitRoom(bytes: number): void;
  ref(): void;
  unref(): void;
  close(): void;
  remove(): void;
}

export interface AddonFileLock {
  tryLock(start: number, length: number, shared: boolean): boolean;
  probe(start: number, length: number): boolean;
  unlock(start: number, length: number): void;
  close(): void;
}

export interface AddonProcessWatch {
  close(): void;
}

/** A system call that failed: `errno` as the kernel counts it, positive. */
export interface KernelFailure extends Error {
  readonly errno: number;
  readonly syscall: string;
}
