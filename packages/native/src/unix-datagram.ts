import { constants } from 'node:os';
import type { PigeonholeError } from '@pigeonhole/core/transport';
import type { AddonDatagramReceiver, AddonDatagramSender, Credentials } from './addon.js';
import { attempt, kernelError } from './kernel-error.js';
import { native } from './load.js';

/** Received in one system call at most. */
const SLOTS = 8;
/** Length, process, user and group of each. */
const WORDS = 4;
const TRUNCATED = 0xffff_ffff;

/** After how many milliseconds one tries again whom the kernel has no memory for: nothing tells when it has. */
const NO_MEMORY_PAUSE = 20;

export interface DatagramReceiverOptions {
  /** The longest datagram that is taken. Default 65,536 bytes. */
  maxBytes?: number;
  /** Receiving failed; nothing more will come. */
  onError?: (error: PigeonholeError) => void;
}

/**
 * A Unix datagram socket (unix(7)) that receives through this thread's event loop. The kernel loses and reorders nothing of one sender, and
 * says of each datagram who sent it. Keeps the process running until `unref()` or `close()`.
 */
export class DatagramReceiver {
  private readonly receiver: AddonDatagramReceiver;
  private readonly report: (count: number) => void;
  private open = true;

  /**
   * Binds a socket of mode 0600 at `path`; `ERR_IN_USE` when something has that name. `onDatagram` gets each as a view that is overwritten
   * after the call, or null for one longer than `maxBytes`.
   */
  constructor(
    readonly path: string,
    onDatagram: (bytes: Uint8Array | null, from: Credentials) => void,
    { maxBytes = 65_536, onError = () => {} }: DatagramReceiverOptions = {},
  ) {
    const addon = native();
    const scratch = new Uint8Array(SLOTS * maxBytes);
    const words = new Uint32Array(SLOTS * WORDS);
    this.report = (count) => {
      if (count < 0) onError(kernelError(-count, `receive at ${path}`, path));
      for (let slot = 0; slot < count && this.open; slot++) {
        const [length = 0, pid = 0, uid = 0, gid = 0] = words.subarray(slot * WORDS, (slot + 1) * WORDS);
        const start = slot * maxBytes;
        onDatagram(length === TRUNCATED ? null : scratch.subarray(start, start + length), { pid, uid, gid });
      }
    };
    this.receiver = attempt(
      `receive at ${path}`,
      path,
      () => new addon.DatagramReceiver(path, scratch, words, this.report),
    );
  }

  ref(): void {
    this.receiver.ref();
  }

  unref(): void {
    this.receiver.unref();
  }

  /** Reports now what is there, until nothing is or `limit` datagrams have come. Not to be called from within `onDatagram`. */
  drain(limit: number): void {
    for (let received = 0; received < limit && this.open; ) {
      const count = this.receiver.receive();
      if (count !== 0) this.report(count);
      if (count <= 0) return;
      received += count;
    }
  }

  /** Closes the socket, with what it has not reported; the file stays. Idempotent. */
  close(): void {
    this.open = false;
    this.receiver.close();
  }
}

export interface DatagramSenderOptions {
  /** Bytes of unreceived datagrams that may lie at the receiver, as far as net.core.wmem_max allows. Default 212,992. */
  sendBuffer?: number;
  /** After `awaitRoom()`: a datagram may be taken again. */
  onRoom?: () => void;
}

const nothing = new Uint8Array(0);

/** Sends to one receiver, never waiting. */
export class DatagramSender {
  private readonly sender: AddonDatagramSender;
  private readonly onRoom: () => void;
  private pause: NodeJS.Timeout | undefined;
  private noMemory = false;

  /** `ERR_PEER_DOWN` when nobody receives there. */
  constructor(
    readonly path: string,
    { sendBuffer = 212_992, onRoom = () => {} }: DatagramSenderOptions = {},
  ) {
    const addon = native();
    this.onRoom = onRoom;
    this.sender = attempt(
      `send to ${path}`,
      path,
      () => new addon.DatagramSender(path, sendBuffer, () => onRoom()),
    );
  }

  /** The longest datagram that can be sent to it. */
  get maxBytes(): number {
    return this.sender.maxBytes;
  }

  /**
   * Sends `header` and then `body` from `start` to `end` as one datagram. `false`: it is not sent, for want of room there or of memory.
   * `ERR_PEER_DOWN` when nobody receives there any more.
   */
  send(header: Uint8Array, body: Uint8Array = nothing, start = 0, end = body.byteLength): boolean {
    const sent = this.sender.send(header, body, start, end);
    if (sent >= 0) return sent > 0;
    this.noMemory = -sent === constants.errno.ENOBUFS || -sent === constants.errno.ENOMEM;
    if (!this.noMemory) throw kernelError(-sent, `send to ${this.path}`, this.path);
    return false;
  }

  /** Calls `onRoom` once there is room, and keeps the process running until then. */
  awaitRoom(): void {
    if (this.noMemory) {
      this.noMemory = false;
      this.pause ??= setTimeout(() => {
        this.pause = undefined;
        this.onRoom();
      }, NO_MEMORY_PAUSE);
    } else attempt(`wait for room at ${this.path}`, this.path, () => this.sender.awaitRoom());
  }

  close(): void {
    clearTimeout(this.pause);
    this.sender.close();
  }
}
