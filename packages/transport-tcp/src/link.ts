import type { Socket } from 'node:net';
import { checkServerIdentity, TLSSocket } from 'node:tls';
import { SocketLink } from '@pigeonhole/core/transport';
import { addressIn } from './address.js';

/** One connection. */
export class TcpLink extends SocketLink {
  /** What the other side takes is a sign of life, and seen once all of a write is taken: so no write is long. */
  readonly maxWriteBytes = 1024 * 1024;
  readonly heartbeat?: number;

  /** `heartbeat`: milliseconds; undefined where all processes are of this host. */
  constructor(socket: Socket, heartbeat: number | undefined) {
    super(socket);
    if (heartbeat !== undefined) this.heartbeat = heartbeat;
  }

  /** Without TLS nothing is proved: whoever reaches the port is trusted (option insecure). */
  speaksFor(address: string): boolean {
    if (!(this.socket instanceof TLSSocket)) return true;
    const host = addressIn(address)?.host;
    return host !== undefined && checkServerIdentity(host, this.socket.getPeerCertificate()) === undefined;
  }
}
