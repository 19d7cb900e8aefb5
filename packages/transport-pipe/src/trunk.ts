import { Buffer } from 'node:buffer';
import { Socket } from 'node:net';
import { PigeonholeError, sharedIntake, writeThrough } from '@pigeonhole/core/transport';

/**
 * A frame: length of the rest (4 bytes, little-endian), length of the receiver's address (2), of the sender's (2), both addresses, and
 * the packet. Without a receiver it is a notice to the process at the other end of the pipes. Its bytes are valid while it is reported.
 */
export interface TrunkFrame {
  readonly to: string;
  readonly from: string;
  readonly packet: Buffer;
  /** All of it, as it goes on to another process. */
  readonly whole: Buffer;
  /** What was read with it goes on behind it. */
  readonly more: boolean;
}

const PREFIX = 8;
/** Longest frame: a packet of 32 KiB and two addresses. */
const MAX_FRAME = 64 * 1024;
export const MAX_PAYLOAD = 32 * 1024;
/** So much leaves in the midst of a turn, so that the other side has something to do meanwhile. */
const EARLY_BYTES = 16 * 1024;
/** Bytes that may wait for room in the pipe before a writer is told that it is full. */
const HIGH_WATER = 128 * 1024;

const nothing = new Uint8Array(0);

export interface TrunkEvents {
  frame(frame: TrunkFrame): void;
  /** After `write` has said that the pipe is full. */
  room(): void;
  /** The process at the other end is dead: after all that it had written. */
  end(error?: Error): void;
}

/** The two pipes between a parent and its child, as one of them holds them. */
export class Trunk {
  private readonly incoming: Socket;
  private readonly outgoing: Socket;
  /** A frame of which so many bytes have `come`. Used again, for there is one in each read of a long body. */
  private partial: Buffer = Buffer.alloc(0);
  private come = 0;
  private over = false;
  /** What has been written in this turn. */
  private corked: Uint8Array[] = [];
  private corkedBytes = 0;

  constructor(
    read: number,
    private readonly fd: number,
    private readonly events: TrunkEvents,
  ) {
    const buffer = sharedIntake();
    const callback = (bytes: number): true => {
      this.take(buffer.subarray(0, bytes));
      return true;
    };
    const options = { fd: read, readable: true, writable: false, onread: { buffer, callback } };
    this.incoming = new Socket(options);
    this.outgoing = new Socket({ fd, readable: false, writable: true });
    // Errors of writing only say what reading will: that the other process has gone. What it wrote comes first.
    this.outgoing.on('error', () => {});
    this.incoming.on('error', () => {});
    this.incoming.on('close', () => this.end());
    this.outgoing.on('drain', () => events.room());
    this.unref();
  }

  ref(): void {
    this.incoming.ref();
  }

  unref(): void {
    this.incoming.unref();
    this.outgoing.unref();
  }

  get full(): boolean {
    return this.outgoing.writableLength > HIGH_WATER;
  }

  /** Takes all of it, whether full or not. What is written in one turn leaves in one system call, a long turn's in several. */
  write(...parts: Uint8Array[]): void {
    if (this.over || this.outgoing.destroyed) return;
    if (this.corked.length === 0) process.nextTick(() => this.uncork());
    for (const part of parts) {
      this.corked.push(part);
      this.corkedBytes += part.byteLength;
    }
    if (this.corkedBytes >= EARLY_BYTES) this.uncork();
  }

  /** Whether the pipe has all that was written; if not, `done` is called when it has what was written by now. */
  sent(done: () => void): boolean {
    this.uncork();
    if (this.over || this.outgoing.writableLength === 0) return true;
    if (this.outgoing.writable) this.outgoing.write(nothing, done);
    return false;
  }

  private uncork(): void {
    const { corked } = this;
    if (corked.length === 0) return;
    this.corked = [];
    this.corkedBytes = 0;
    if (!this.outgoing.destroyed) writeThrough(this.outgoing, this.fd, corked);
  }

  destroy(error?: Error): void {
    this.end(error);
  }

  private end(error?: Error): void {
    if (this.over) return;
    this.over = true;
    this.incoming.destroy();
    this.outgoing.destroy();
    this.events.end(error);
  }

  private take(chunk: Buffer): void {
    let at = this.come > 0 ? this.complete(chunk) : 0;
    while (!this.over && chunk.length - at >= PREFIX) {
      const length = this.lengthOf(chunk, at);
      if (chunk.length - at < length) break;
      at += length;
      if (length > 0) this.report(chunk.subarray(at - length, at), at < chunk.length);
    }
    if (this.over || at === chunk.length) return;
    this.come = chunk.length - at;
    this.reserve(this.come);
    chunk.copy(this.partial, 0, at);
  }

  /** Feeds the frame that has begun to come; how much of `chunk` that took. */
  private complete(chunk: Buffer): number {
    let at = 0;
    const feed = (length: number): boolean => {
      this.reserve(length);
      const taken = chunk.copy(this.partial, this.come, at, Math.max(at, at + length - this.come));
      at += taken;
      this.come += taken;
      return this.come >= length;
    };
    if (!feed(PREFIX)) return at;
    const length = this.lengthOf(this.partial, 0);
    if (this.over || !feed(length)) return at;
    this.come = 0;
    this.report(this.partial.subarray(0, length), at < chunk.length);
    return at;
  }

  /** Of the frame that begins there; one that cannot be ends all, and has 0. */
  private lengthOf(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32LE(at);
    const addresses = bytes.readUInt16LE(at + 4) + bytes.readUInt16LE(at + 6);
    if (length <= MAX_FRAME && length >= PREFIX - 4 + addresses) return 4 + length;
    this.end(new PigeonholeError('ERR_FRAME', `a frame of ${length} bytes came through a pipe`));
    return 0;
  }

  private report(whole: Buffer, more: boolean): void {
    const to = PREFIX + whole.readUInt16LE(4);
    const from = to + whole.readUInt16LE(6);
    this.events.frame({
      to: whole.toString('latin1', PREFIX, to),
      from: whole.toString('latin1', to, from),
      packet: whole.subarray(from),
      whole,
      more,
    });
  }

  /** Room for so many bytes of a frame. */
  private reserve(length: number): void {
    if (this.partial.length >= length) return;
    const larger = Buffer.allocUnsafeSlow(Math.min(2 * length, 4 + MAX_FRAME));
    this.partial.copy(larger, 0, 0, this.come);
    this.partial = larger;
  }
}

/** Longer payloads are written as they are, behind their head, rather than copied. */
const COPY_LIMIT = 4096;

/** A frame with a packet of `head` and `payload`, in pieces. */
export function trunkFrame(
  to: string,
  from: string,
  head: Uint8Array,
  payload: Uint8Array = nothing,
): Uint8Array[] {
  const { byteLength } = payload;
  const copied = byteLength <= COPY_LIMIT;
  const start = PREFIX + to.length + from.length;
  const end = start + head.byteLength;
  const bytes = Buffer.allocUnsafe(copied ? end + byteLength : end);
  bytes.writeUInt32LE(end - 4 + byteLength, 0);
  bytes.writeUInt16LE(to.length, 4);
  bytes.writeUInt16LE(from.length, 6);
  bytes.write(to, PREFIX, 'latin1');
  bytes.write(from, PREFIX + to.length, 'latin1');
  bytes.set(head, start);
  if (!copied) return [bytes, payload];
  bytes.set(payload, end);
  return [bytes];
}
