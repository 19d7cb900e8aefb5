import type { Socket } from 'node:net';
import type { Link, LinkHandler } from '@pigeonhole/core/transport';

/** One connection. TCP is an ordered stream of bytes already, so all that is left is to pass on. */
export class TcpLink implements Link {
  private error: Error | undefined;

  constructor(private readonly socket: Socket) {}

  report(handler: LinkHandler): void {
    const { socket } = this;
    // Each chunk is a buffer of its own (net and tls allocate one a read), so the handler may keep views of it.
    socket.on('data', (chunk: Buffer) => handler.data(chunk, true));
    socket.on('drain', () => handler.drain());
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.on('close', () => handler.end(this.error));
  }

  write(batch: Uint8Array): boolean {
    return this.socket.write(batch);
  }

  close(): void {
    this.socket.end();
  }

  destroy(error?: Error): void {
    this.socket.destroy(error);
  }
}
