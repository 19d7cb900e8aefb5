import { constants } from 'node:os';
import type { PigeonholeError } from '@pigeonhole/core/transport';
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
   * Binds to that address, a number; port 0: one that the kernel picks. `onDatagram` gets each as memory that is the receiver's, from the
   * next turn of the event loop on. `ERR_TRANSPORT` where the address is taken, or is none of this machine's.
   */
  constructor(
    host: string,
    port: number,
    private readonly onDatagram: (bytes: Buffer, from: UdpPlace) => void,
    { receiveBuffer = 0, onError = () => {} }: UdpSocketOptions = {},
  ) {
    const addon = native();
    this.socket = attempt(
      `receive on UDP address ${named(host, port)}`,
      host,
      () =>
        new addon.UdpSocket(
          host,
          port,
          receiveBuffer,
          this.scratch,
          this.report,
          (count) => {
            if (count < 0)
              onError(kernelError(-count, `receive on UDP address ${named(host, this.port)}`, host));
            else this.received(count);
          },
          () => this.sendUnsent(),
        ),
    );
    [this.host, this.port] = this.socket.local();
    this.receiveBuffer = this.socket.receiveBuffer();
  }

  placeOf(host: string, port: number): UdpPlace {
    const address = attempt(`send to UDP address ${named(host, port)}`, host, () =>
      native().udpPlaceOf(host, port),
    );
    return { host, port, address };
  }

  /**
   * Sends the pieces as one datagram; they must not change before `done`, which may be called within the call: with null once the kernel
   * has taken it, else with why it has not. Nothing is called after `close()`.
   */
  send(to: UdpPlace, pieces: readonly Uint8Array[], done: (error: PigeonholeError | null) => void): void {
    if (!this.open) return;
    if (this.unsent.length > 0 || !this.sendNow(to, pieces, done)) this.unsent.push({ to, pieces, done });
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

  private received(count: number): void {
    const { scratch, report } = this;
    for (let slot = 0; slot < count && this.open; slot++) {
      const length = report[slot * WORDS] as number;
      if (this.from === null || report[slot * WORDS + 1] === 1) {
        const [host, port, address] = this.socket.source(slot);
        this.from = { host, port, address };
      }
      if (length > SLOT_BYTES) continue;
      const bytes = Buffer.allocUnsafe(length);
      const start = slot * SLOT_BYTES;
      bytes.set(scratch.subarray(start, start + length));
      this.onDatagram(bytes, this.from);
    }
  }

  /** Whether it is dealt with. */
  private sendNow(to: UdpPlace, pieces: readonly Uint8Array[], done: Unsent['done']): boolean {
    const sent = this.socket.send(to.address, pieces);
    if (sent === 0) this.socket.awaitRoom();
    else if (-sent === constants.errno.ENOBUFS || -sent === constants.errno.ENOMEM)
      this.pause = setTimeout(() => this.sendUnsent(), NO_MEMORY_PAUSE);
    else {
      done(sent > 0 ? null : kernelError(-sent, `send to UDP address ${named(to.host, to.port)}`, to.host));
      return true;
    }
    return false;
  }

  private sendUnsent(): void {
    let sent = 0;
    for (const { to, pieces, done } of this.unsent) {
      if (!this.open || !this.sendNow(to, pieces, done)) break;
      sent++;
    }
    this.unsent.splice(0, sent);
  }
}

function named(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
