import type { Socket } from 'node:net';
import type { Server } from 'node:tls';
import { PigeonholeError, type PortContext } from '@pigeonhole/core/transport';

/** Connections whose TLS handshake is under way; of more, the oldest goes. */
const MAX_HANDSHAKES = 256;

/** Lets those through whose certificate was verified, and bounds what strangers can hold open before. */
export class Handshakes {
  /** By where they come from, oldest first: Node.js gives no way from the secured socket to the raw one below it. */
  private readonly pending = new Map<string, Socket>();

  constructor(
    server: Server,
    accept: (socket: Socket) => void,
    private readonly context: PortContext,
  ) {
    server.on('connection', (socket) => this.begun(socket));
    server.on('secureConnection', (socket) => {
      this.pending.delete(origin(socket));
      accept(socket);
    });
    server.on('tlsClientError', (error, socket) => this.failed(error, socket.remoteAddress));
  }

  private begun(socket: Socket): void {
    socket.setNoDelay(true);
    for (const [, oldest] of [...this.pending].slice(0, this.pending.size + 1 - MAX_HANDSHAKES))
      oldest.destroy();
    const from = origin(socket);
    this.pending.set(from, socket);
    socket.once('close', () => this.pending.get(from) === socket && this.pending.delete(from));
  }

  private failed(error: Error, from: string | undefined): void {
    this.context.warn(
      new PigeonholeError(
        'ERR_PERMISSION',
        `a connection from ${from ?? 'a client that has gone'} was refused by TLS: ${error.message}`,
        { cause: error, transport: 'tcp' },
      ),
    );
  }
}

function origin({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
