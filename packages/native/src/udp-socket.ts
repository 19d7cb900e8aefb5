import { Buffer } from 'node:buffer';
import { constants } from 'node:os';
import { PigeonholeError, show } from '@pigeonhole/core/transport';
import type { AddonUdpSocket } from './addon.js';
import { attempt, kernelError } from './kernel-error.js';
import { native } from './load.js';

/** Received in one system call at most. */
const SLOTS = 16;
/** Length, and whether it came from elsewhere than the one before it. */
const WORDS = 2;
/** Longer than any datagram of IP without jumbograms (udp(7), ipv6(7)). */
const SLOT_BYTES = 65_536;
/** After how many milliseconds one tries again whom the kernel has no memory for: nothing tells when it has. */
const NO_MEMORY_PAUSE = 20;

/** Where datagrams go to and come from. `address`: the kernel's own form, for `UdpSocket.send`. */
export interface UdpPlace {
  readonly host: string;
  readonly port: number;
  readonly address: Uint8Array;
}

export interface UdpSocketOptions {
  /** Bytes to ask for; the kernel gives at most net.core.rmem_max, and counts double (SO_RCVBUF in socket(7)). Default: the kernel's. */
  receiveBuffer?: number;
  /** A datagram could not be received. Others will be. */
  onError?: (error: PigeonholeError) => void;
}

interface Unsent {
  readonly to: UdpPlace;
  readonly pieces: readonly Uint8Array[];
  readonly done: (error: PigeonholeError | null) => void;
}

/**
 * A UDP socket (udp(7)) on this thread's event loop, bound and not connected. Receives up to 16 datagrams in a system call, sends without
 * one of Node.js's requests for each. Keeps the process running until `unref()` or `close()`.
 */
export class UdpSocket {
  readonly host: string;
  readonly port: number;
  /** Bytes of the receive buffer, as the kernel counts. */
  readonly receiveBuffer: number;
  private readonly socket: AddonUdpSocket;
  private readonly scratch = new Uint8Array(SLOTS * SLOT_BYTES);
  private readonly report = new Uint32Array(SLOTS * WORDS);
  private from: UdpPlace | null = null;
  /** In order. */
  private unsent: Unsent[] = [];
  private pause: NodeJS.Timeout | undefined;
  private open = true;

  /**
   * Binds to that address, a number; port 0: one that the kernel picks. `onDatagram` gets each as memory that is the receiver's (a
   * short one in that of `Buffer`'s pool), from the next turn of the event loop on. `ERR_IN_USE` where the address is taken, `ERR_TRANSPORT` where it
   * is none of this machine's.
   */
  constructor(
    host: string,
    port: number,
    private readonly onDatagram: (bytes: Buffer, from: UdpPlace) => void,
    { receiveBuffer = 0, onError = () => {} }: UdpSocketOptions = {},
  ) {
    const addon = native();
    checkPort(port);
    this.socket = attempt(
      `receive on UDP address ${named(host, port)}`,
      named(host, port),
      () =>
        new addon.UdpSocket(
          host,
          port,
          receiveBuffer,
          this.scratch,
          this.report,
          (count) => {
            if (count >= 0) return this.received(count);
            const where = named(host, this.port);
            onError(kernelError(-count, `receive on UDP address ${where}`, where));
          },
          () => this.sendUnsent(),
        ),
    );
    [this.host, this.port] = this.socket.local();
    this.receiveBuffer = this.socket.receiveBuffer();
  }

  placeOf(host: string, port: number): UdpPlace {
    checkPort(port);
    const where = named(host, port);
    const address = attempt(`send to UDP address ${where}`, where, () => native().udpPlaceOf(host, port));
    return { host, port, address };
  }

  /**
   * Sends the pieces as one datagram; they must not change before `done`, which may be called within the call: with null once the kernel
   * has taken it, else with why it has not. Nothing is called after `close()`.
   */
  send(to: UdpPlace, pieces: readonly Uint8Array[], done: (error: PigeonholeError | null) => void): void {
    if (!this.open) return;
    const unsent = { to, pieces, done };
    const waits = this.unsent.length > 0;
    if (waits && !pieces.every((piece) => piece instanceof Uint8Array))
      throw new TypeError('a piece of a datagram is no Uint8Array');
    const outcome = waits ? undefined : this.sendNow(unsent);
    if (outcome === undefined) this.unsent.push(unsent);
    else done(outcome);
  }

  ref(): void {
    this.socket.ref();
  }

  unref(): void {
    this.socket.unref();
  }

  /** Idempotent. What has not been sent is not. */
  close(): void {
    this.open = false;
    this.unsent = [];
    clearTimeout(this.pause);
    this.socket.close();
  }

  /** Goes on from the event loop where `onDatagram` throws: nothing is received into the slots before that. */
  private received(count: number, first = 0): void {
    let slot = first;
    try {
      for (; slot < count && this.open; slot++) this.take(slot);
    } finally {
      const next = slot + 1;
      if (next < count && this.open) setImmediate(() => this.received(count, next));
    }
  }

  private take(slot: number): void {
    const { scratch, report } = this;
    const length = report[slot * WORDS] as number;
    if (this.from === null || report[slot * WORDS + 1] === 1) {
      const [host, port, address] = this.socket.source(slot);
      this.from = { host, port, address };
    }
    if (length > SLOT_BYTES) return;
    const bytes = Buffer.allocUnsafe(length);
    const start = slot * SLOT_BYTES;
    bytes.set(scratch.subarray(start, start + length));
    this.onDatagram(bytes, this.from);
  }

  /** What became of it; `undefined`: there was no room, and `sendUnsent` is called once there may be. */
  private sendNow({ to, pieces }: Unsent): PigeonholeError | null | undefined {
    const sent = this.socket.send(to.address, pieces);
    if (sent > 0) return null;
    if (sent === 0) this.socket.awaitRoom();
    else if (-sent === constants.errno.ENOBUFS || -sent === constants.errno.ENOMEM)
      this.pause = setTimeout(() => this.sendUnsent(), NO_MEMORY_PAUSE);
    else {
      const where = named(to.host, to.port);
      return kernelError(-sent, `send to UDP address ${where}`, where);
    }
    return undefined;
  }

  private sendUnsent(): void {
    while (this.open && this.unsent.length > 0) {
      const first = this.unsent[0] as Unsent;
      const outcome = this.sendNow(first);
      if (outcome === undefined) return;
      this.unsent.shift();
      // Not within the loop, which has to go on if it throws.
      process.nextTick(() => {
        if (this.open) first.done(outcome);
      });
    }
  }
}

function named(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function checkPort(port: number): void {
  if (!(Number.isInteger(port) && port >= 0 && port <= 65_535))
    throw new PigeonholeError('ERR_CONFIG', `port is ${show(port)}; it must be an integer from 0 to 65535`);
}
