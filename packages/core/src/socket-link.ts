import { Buffer } from 'node:buffer';
import { readSync, writeSync, writevSync } from 'node:fs';
import { Socket } from 'node:net';
import { hasSystemCode } from './errors.js';
import type { Link, LinkHandler } from './transport.js';

/** Most bytes of one read: as much as Node.js itself reads at once. */
const READ_BYTES = 64 * 1024;
/** No kernel keeps more for one connection. Who goes on writing though it takes nothing is not listened to for ever. */
const MOST_LEFT = 16 * 1024 * 1024;

const nothing = new Uint8Array(0);

let intake: Buffer | undefined;

/**
 * Where sockets may read into (option `onread` of `net`), if what is read is done with when the callback returns: one for all of a thread, as one
 * is read at a time.
 */
export function sharedIntake(): Buffer {
  intake ??= Buffer.allocUnsafeSlow(READ_BYTES);
  return intake;
}

/**
 * Writes `parts`, one behind the other. What the kernel takes at once it gets past the stream, if nothing waits there: the way through the stream
 * costs a process about as much as the system call at its end. The rest waits in the stream, which also reports what went wrong.
 * `fd`: the descriptor of the stream, which does not block; negative: unknown. `fail`: what to do where the kernel takes nothing any more.
 */
export function writeThrough(
  stream: Socket,
  fd: number,
  parts: readonly Uint8Array[],
  fail = (error: Error): void => void stream.destroy(error),
): void {
  let taken = 0;
  if (fd >= 0 && stream.writable && stream.writableLength === 0)
    try {
      taken = parts.length === 1 ? writeSync(fd, parts[0] as Uint8Array) : writevSync(fd, parts);
    } catch (error) {
      // The kernel tells of what befell a connection once: the stream's own write would only meet EPIPE.
      if (!hasSystemCode(error, 'EAGAIN', 'ENOBUFS')) return fail(error as Error);
    }
  let corked = false;
  for (const part of parts) {
    const skipped = Math.min(taken, part.byteLength);
    taken -= skipped;
    if (skipped === part.byteLength) continue;
    if (!corked) stream.cork();
    corked = true;
    stream.write(part.subarray(skipped));
  }
  if (corked) stream.uncork();
}

/** Node.js has the connection below a socket, and lets another socket have it, but has no public name for either, nor for its descriptor. */
interface WithHandle {
  _handle?: { readonly fd?: number } | null;
}

/** A link over a connected stream socket, which is an ordered stream of bytes already: all that is left is to pass on. */
export class SocketLink implements Link {
  private handler: LinkHandler | null = null;
  private readonly buffered: boolean;
  /** -1: what is written must go through the socket. */
  private readonly fd: number;
  protected readonly socket: Socket;
  private error: Error | undefined;
  private full = false;
  /** The handler has said where to read to. */
  private asked = false;
  /** What comes from now on is not wanted. */
  private dropped = false;

  /**
   * Owns the connection, and the socket may be another than `connected` from now on. To be made, and `report` called, before the event loop
   * turns again: else bytes that have come meanwhile would be lost.
   */
  constructor(connected: Socket) {
    this.socket =
      unbuffered(
        connected,
        () => this.place(),
        (bytes) => this.filled(bytes),
      ) ?? connected;
    this.buffered = this.socket === connected;
    this.fd = this.buffered ? -1 : ((this.socket as WithHandle)._handle?.fd ?? -1);
    const { socket } = this;
    const destroy = socket._destroy;
    socket._destroy = (error, callback) => {
      if (error) this.readRest();
      destroy.call(socket, error, callback);
    };
  }

  report(handler: LinkHandler): void {
    const { socket } = this;
    this.handler = handler;
    // Each chunk is a buffer of its own (net and tls allocate one a read), so the handler may keep views of it.
    if (this.buffered) socket.on('data', (chunk: Buffer) => handler.data(chunk, true));
    socket.on('drain', () => {
      if (!this.full) return;
      this.full = false;
      handler.drain();
    });
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.on('close', () => handler.end(this.error));
  }

  write(batch: Uint8Array): boolean {
    const { socket } = this;
    writeThrough(socket, this.fd, [batch], this.fail);
    // A large batch is too much for the socket even where the kernel has taken all of it.
    if (socket.writableNeedDrain && socket.writableLength > 0) this.full = true;
    return !this.full;
  }

  get empty(): boolean {
    return this.socket.writableLength === 0;
  }

  sent(done: () => void): boolean {
    if (this.empty) return true;
    // Behind the rest; of one that is being closed the end will tell.
    if (this.socket.writable) this.socket.write(nothing, done);
    return false;
  }

  close(): void {
    this.socket.end();
  }

  destroy(error?: Error): void {
    this.dropped = true;
    this.socket.destroy(error);
  }

  /** Not within the call that has written: what has come is read first. */
  private readonly fail = (error: Error): void => process.nextTick(() => this.socket.destroy(error));

  /**
   * That nothing can be written any more only says that the other process has gone. What it had written lies in the kernel, and comes first: it may be the
   * word that it has received a message, which nobody else is to get then. A socket that is destroyed for an error of writing would not be read again.
   */
  private readRest(): void {
    if (this.fd < 0 || this.dropped || this.handler === null) return;
    try {
      for (let left = MOST_LEFT; left > 0; ) {
        const bytes = readSync(this.fd, this.place());
        if (bytes === 0) return;
        left -= bytes;
        this.filled(bytes);
      }
    } catch {
      // Nothing is left: EAGAIN, or the error that the end is told of anyway.
    }
  }

  private place(): Uint8Array {
    const intake = sharedIntake();
    const place = this.handler?.place?.(intake);
    this.asked = place !== undefined;
    return place ?? intake;
  }

  private filled(bytes: number): void {
    if (this.asked) this.handler?.filled?.(bytes);
    else this.handler?.data(sharedIntake().subarray(0, bytes), false);
  }
}

/**
 * The same connection on a socket that reads into memory that is used again (option `onread` of net.connect): a buffer of 64 KiB for each read, and
 * the stream that it would go through, are half of what a small message costs a process. `net` offers that to who connects only, so the
 * connection is given to a new socket. Null where that cannot be done: one with TLS, one that has read already, or an unknown Node.js.
 */
function unbuffered(socket: Socket, place: () => Uint8Array, filled: (bytes: number) => void): Socket | null {
  const { _handle: handle } = socket as WithHandle;
  if (Object.getPrototypeOf(socket) !== Socket.prototype || handle == null) return null;
  if (socket.destroyed || socket.connecting || socket.readableLength + socket.writableLength > 0) return null;
  const callback = (bytes: number): true => {
    filled(bytes);
    return true;
  };
  // Asked for a place before the first read, and after each `callback`.
  const options = { handle, onread: { buffer: place, callback } };
  const heir = new Socket(options as ConstructorParameters<typeof Socket>[0]);
  if ((heir as WithHandle)._handle !== handle) return null;
  // What is left of the first is nothing but a name, and the listener's count of it.
  (socket as WithHandle)._handle = null;
  socket.destroy();
  return heir;
}
