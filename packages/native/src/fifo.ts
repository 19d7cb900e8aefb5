import { Buffer } from 'node:buffer';
import type { PigeonholeError } from '@pigeonhole/core/transport';
import type { AddonFifoReader, AddonFifoWriter } from './addon.js';
import { attempt, kernelError } from './kernel-error.js';
import { native } from './load.js';

/** What one write to a FIFO may have to be one piece for the reader, whoever else writes (PIPE_BUF of Linux, pipe(7)). */
export const PIPE_BUF = 4096;

/** Makes a FIFO of mode 0600. `ERR_IN_USE` when something has that name. */
export function makeFifo(path: string): void {
  const addon = native();
  attempt(`make the FIFO ${path}`, path, () => addon.makeFifo(path));
}

export interface FifoReaderOptions {
  /** How much is read at once. Default 65,536 bytes. */
  bufferBytes?: number;
  /** How much the FIFO is to hold (F_SETPIPE_SZ), as far as /proc/sys/fs/pipe-max-size and pipe-user-pages-soft allow. Default 65,536 bytes. */
  capacity?: number;
  /** Reading failed; nothing more will come. */
  onError?: (error: PigeonholeError) => void;
}

/**
 * Reads a FIFO through this thread's event loop, without the thread pool. It never ends while nobody writes, because it holds
 * the writing side itself. Keeps the process running until `unref()` or `close()`. One FIFO must have one reader: two tear messages apart.
 */
export class FifoReader {
  private readonly reader: AddonFifoReader;
  private readonly report: (count: number) => void;

  /**
   * `onBytes` gets what has come, as a part of a Buffer that is overwritten after the call. A path that is a link, another user's or no FIFO is
   * refused.
   */
  constructor(
    readonly path: string,
    onBytes: (bytes: Buffer) => void,
    { bufferBytes = 65_536, capacity = 0, onError = () => {} }: FifoReaderOptions = {},
  ) {
    const addon = native();
    const scratch = Buffer.allocUnsafeSlow(bufferBytes);
    this.report = (count) => {
      if (count > 0) onBytes(scratch.subarray(0, count));
      else onError(kernelError(-count, `read ${path}`, path));
    };
    this.reader = attempt(
      `read ${path}`,
      path,
      () => new addon.FifoReader(path, scratch, this.report, capacity),
    );
  }

  ref(): void {
    this.reader.ref();
  }

  unref(): void {
    this.reader.unref();
  }

  pause(): void {
    this.reader.pause();
  }

  resume(): void {
    this.reader.resume();
  }

  /**
   * Reads now what is there, through `onBytes`, until it is empty or `limit` bytes have come: what somebody wrote who has been seen to go
   * meanwhile. Not to be called from within `onBytes`.
   */
  drain(limit: number): void {
    for (let read = 0; read < limit; ) {
      const count = this.reader.read();
      if (count !== 0) this.report(count);
      if (count <= 0) return;
      read += count;
    }
  }

  /** Closes the descriptor; the file stays. Idempotent. */
  close(): void {
    this.reader.close();
  }
}

export interface FifoWriterEvents {
  /** After `awaitRoom()`: a write may succeed again. */
  onRoom?: () => void;
  /** After `awaitRoom()` or `watch()`: the last reader has closed the FIFO, or died. The kernel says so at once. */
  onGone?: () => void;
}

const nothing = new Uint8Array(0);

/** Writes to a FIFO, never waiting. */
export class FifoWriter {
  private readonly writer: AddonFifoWriter;

  /** `ERR_PEER_DOWN` when nobody reads it. */
  constructor(
    readonly path: string,
    { onRoom, onGone }: FifoWriterEvents = {},
  ) {
    const addon = native();
    const report = (event: number): void => {
      if (event > 0) onRoom?.();
      else onGone?.();
    };
    this.writer = attempt(`write to ${path}`, path, () => new addon.FifoWriter(path, report));
  }

  /**
   * Writes `header` and then `body` from `start` to `end` as one piece of at most `PIPE_BUF` bytes. `true`: all of it is in the FIFO.
   * `false`: nothing is, for want of room. `ERR_PEER_DOWN` when nobody reads it any more.
   */
  write(header: Uint8Array, body: Uint8Array = nothing, start = 0, end = body.byteLength): boolean {
    const written = this.writer.write(header, body, start, end);
    if (written < 0) throw kernelError(-written, `write to ${this.path}`, this.path);
    return written > 0;
  }

  /** Calls `onRoom` once there is room, and keeps the process running until then. */
  awaitRoom(): void {
    attempt(`wait for room in ${this.path}`, this.path, () => this.writer.awaitRoom());
  }

  /** Calls `onGone` when the last reader goes, without keeping the process running. */
  watch(): void {
    attempt(`watch ${this.path}`, this.path, () => this.writer.watch());
  }

  close(): void {
    this.writer.close();
  }
}
