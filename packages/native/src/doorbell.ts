import { PigeonholeError } from '@pigeonhole/core/transport';
import { FifoReader, FifoWriter, makeFifo } from './fifo.js';

/**
 * Makes a FIFO at `path` and calls `onRing` with what has been written to it (several rings may come as one; the bytes are overwritten after
 * the call). `ref()` and `unref()` say whether it keeps the process running; `close()` leaves the file to its maker.
 */
export function openDoorbell(path: string, onRing: (bytes: Uint8Array) => void): FifoReader {
  makeFifo(path);
  return new FifoReader(path, onRing, { bufferBytes: 4096 });
}

/** Rings the doorbell at a path. Opens it at the first ring and keeps the descriptor. */
export class Bell {
  private writer: FifoWriter | undefined;

  constructor(readonly path: string) {}

  /**
   * Wakes whoever listens. `false` when nobody does. A doorbell that is full counts as rung: its owner has yet to answer the rings
   * before. Other failures throw.
   */
  ring(bytes: Uint8Array): boolean {
    try {
      this.writer ??= new FifoWriter(this.path);
      this.writer.write(bytes);
      return true;
    } catch (error) {
      if (!(error instanceof PigeonholeError) || error.code !== 'ERR_PEER_DOWN') throw error;
      this.close();
      return false;
    }
  }

  close(): void {
    this.writer?.close();
    this.writer = undefined;
  }
}
