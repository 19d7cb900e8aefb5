import type { Socket } from 'node:net';
import type { Link, LinkHandler } from '@pigeonhole/core/transport';

const nothing = new Uint8Array(0);

/** One connection. A stream socket is an ordered stream of bytes already, so all that is left is to pass on. */
export class StreamLink implements Link {
  private error: Error | undefined;
  private full = false;

  constructor(private readonly socket: Socket) {}

  report(handler: LinkHandler): void {
    const { socket } = this;
    // Each chunk is a buffer of its own (net allocates one a read), so the handler may keep views of it.
    socket.on('data', (chunk: Buffer) => handler.data(chunk, true));
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
    // `write` answers false for a large batch even where the kernel has taken all of it.
    if (!this.socket.write(batch) && this.socket.writableLength > 0) this.full = true;
    return !this.full;
  }

  /**
   * Whoever listens on a service manager's socket may die before it has accepted; then the kernel keeps the connection for its successor. To
   * that the link would be a stranger's.
   */
  peerDown(): void {
    if (this.socket.bytesRead === 0) this.socket.destroy();
  }

  sent(done: () => void): boolean {
    if (this.socket.writableLength === 0) return true;
    // Behind the rest; of one that is being closed the end will tell.
    if (this.socket.writable) this.socket.write(nothing, done);
    return false;
  }

  close(): void {
    this.socket.end();
  }

  destroy(error?: Error): void {
    this.socket.destroy(error);
  }
}
