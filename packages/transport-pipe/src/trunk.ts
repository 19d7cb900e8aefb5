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
  private rest: Buffer | null = null;
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
    let bytes = this.rest === null ? chunk : Buffer.concat([this.rest, chunk]);
    this.rest = null;
    while (bytes.length >= PREFIX && !this.over) {
      const length = bytes.readUInt32LE(0);
      const [to, from] = [bytes.readUInt16LE(4), bytes.readUInt16LE(6)];
      if (length > MAX_FRAME || length < PREFIX - 4 + to + from) {
        this.end(new PigeonholeError('ERR_FRAME', `a frame of ${length} bytes came through a pipe`));
        return;
      }
      if (bytes.length < 4 + length) break;
      const whole = bytes.subarray(0, 4 + length);
      bytes = bytes.subarray(4 + length);
      this.events.frame({
        to: whole.toString('latin1', PREFIX, PREFIX + to),
        from: whole.toString('latin1', PREFIX + to, PREFIX + to + from),
        packet: whole.subarray(PREFIX + to + from),
        whole,
        more: bytes.length > 0,
      });
    }
    if (bytes.length > 0) this.rest = Buffer.from(bytes);
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
