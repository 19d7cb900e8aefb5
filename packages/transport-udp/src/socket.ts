import { createSocket, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import { type PigeonholeError, socketError } from '@pigeonhole/core/transport';
import { place } from './address.js';
import type { Listen } from './options.js';

/** Asked of the kernel, which gives at most net.core.rmem_max (and counts double, for its own buffers: socket(7)). */
const RECEIVE_BUFFER = 1024 * 1024;

/** Addresses are numbers already: looking them up would put every datagram off to a later tick. */
function noLookup(
  host: string,
  family: unknown,
  done: (error: null, address: string, family: number) => void,
): void {
  done(null, host, isIP(host) || Number(family));
}

/** A UDP socket of this process alone, also in a cluster. */
export async function openSocket({ host, port }: Listen): Promise<Socket> {
  const type = isIP(host) === 6 ? 'udp6' : 'udp4';
  const socket = createSocket({ type, lookup: noLookup as never });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address: host, port, exclusive: true }, resolve);
    });
  } catch (error) {
    socket.close();
    throw socketError(error as Error, 'receive on UDP address', place(host, port));
  }
  socket.removeAllListeners('error');
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER);
  } catch {
    // It stays at the kernel's default, which `getRecvBufferSize` tells.
  }
  return socket;
}

export function socketTrouble(error: Error, host: string, port: number): PigeonholeError {
  return socketError(error, 'send from UDP socket', place(host, port));
}
