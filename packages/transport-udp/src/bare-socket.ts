import { createSocket, type Socket as NodeSocket } from 'node:dgram';
import { isIP } from 'node:net';
import type { Place, Socket, SocketEvents } from './socket.js';

/** Addresses are numbers already: looking them up would put every datagram off to a later tick. */
function noLookup(
  host: string,
  family: unknown,
  done: (error: null, address: string, family: number) => void,
): void {
  done(null, host, isIP(host) || Number(family));
}

/** On `node:dgram`, where there is no addon. */
export class BareSocket implements Socket {
  readonly module = 'node:dgram';
  readonly host: string;
  readonly port: number;
  readonly receiveBuffer: number;

  private constructor(
    private readonly socket: NodeSocket,
    events: SocketEvents,
  ) {
    const { address, port } = socket.address();
    [this.host, this.port] = [address, port];
    this.receiveBuffer = socket.getRecvBufferSize();
    socket.on('message', (bytes, { address: host, port }) => events.datagram(bytes, { host, port }));
    socket.on('error', (error) => events.trouble(error));
  }

  static async open(
    host: string,
    port: number,
    receiveBuffer: number,
    events: SocketEvents,
  ): Promise<BareSocket> {
    const type = isIP(host) === 6 ? 'udp6' : 'udp4';
    const socket = createSocket({ type, lookup: noLookup as never });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        // Also in a cluster.
        socket.bind({ address: host, port, exclusive: true }, resolve);
      });
    } catch (error) {
      socket.close();
      throw error;
    }
    socket.removeAllListeners('error');
    try {
      socket.setRecvBufferSize(receiveBuffer);
    } catch {
      // It stays at the kernel's default, which `getRecvBufferSize` tells.
    }
    return new BareSocket(socket, events);
  }

  placeOf(host: string, port: number): Place {
    return { host, port };
  }

  send({ host, port }: Place, pieces: Uint8Array[], done: (error: Error | null) => void): void {
    try {
      this.socket.send(pieces, port, host, done);
    } catch (error) {
      process.nextTick(done, error);
    }
  }

  close(): void {
    this.socket.close();
  }
}
