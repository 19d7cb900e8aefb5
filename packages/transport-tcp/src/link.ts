import type { Socket } from 'node:net';
import { checkServerIdentity, TLSSocket } from 'node:tls';
import type { Link, LinkHandler } from '@pigeonhole/core/transport';
import { addressIn } from './address.js';

const nothing = new Uint8Array(0);

/** One connection. TCP is an ordered stream of bytes already, so all that is left is to pass on. */
export class TcpLink implements Link {
  /** What the other side takes is a sign of life, and seen once all of a write is taken: so no write is long. */
  readonly maxWriteBytes = 1024 * 1024;
  readonly heartbeat?: number;
  private error: Error | undefined;
  private full = false;

  /** `heartbeat`: milliseconds; undefined where all processes are of this host. */
  constructor(
    private readonly socket: Socket,
    heartbeat: number | undefined,
  ) {
    if (heartbeat !== undefined) this.heartbeat = heartbeat;
  }

  /** Without TLS nothing is proved: whoever reaches the port is trusted (option insecure). */
  speaksFor(address: string): boolean {
    if (!(this.socket instanceof TLSSocket)) return true;
    const host = addressIn(address)?.host;
    return host !== undefined && checkServerIdentity(host, this.socket.getPeerCertificate()) === undefined;
  }

  report(handler: LinkHandler): void {
    const { socket } = this;
    // Each chunk is a buffer of its own (net and tls allocate one a read), so the handler may keep views of it.
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
