import type { Buffer } from 'node:buffer';
import { constants } from 'node:os';
import { PigeonholeError, socketError } from '@pigeonhole/core/transport';
import { place } from './address.js';
import { BareSocket } from './bare-socket.js';
import { nativeSocket } from './native-socket.js';
import type { Listen } from './options.js';

const { EADDRINUSE, EADDRNOTAVAIL } = constants.errno;

/** Asked of the kernel, which gives at most net.core.rmem_max (and counts double, for its own buffers: socket(7)). */
const RECEIVE_BUFFER = 1024 * 1024;

/** Where a datagram goes to or comes from: the host as a number. One that a socket has made is for that socket. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface SocketEvents {
  /** The memory is the receiver's. */
  datagram(bytes: Buffer, from: Place): void;
  /** The kernel could not receive something, or said something about the socket. */
  trouble(error: Error): void;
}

/** A UDP socket of this process alone, bound and not connected. */
export interface Socket extends Place {
  /** Whose it is. */
  readonly module: '@pigeonhole/native' | 'node:dgram';
  /** Bytes, as the kernel counts. */
  readonly receiveBuffer: number;
  placeOf(host: string, port: number): Place;
  /** One datagram. The pieces must not change before `done`, which may be called within the call, and is not called after `close`. */
  send(to: Place, pieces: Uint8Array[], done: (error: Error | null) => void): void;
  close(): void;
}

/** On the addon's socket where there is one, else on that of Node.js. Nothing is reported before the caller's next turn. */
export async function openSocket({ host, port }: Listen, events: SocketEvents): Promise<Socket> {
  try {
    return (
      (await nativeSocket(host, port, RECEIVE_BUFFER, events)) ??
      (await BareSocket.open(host, port, RECEIVE_BUFFER, events))
    );
  } catch (error) {
    throw told(error as Error, 'receive on UDP address', host, port);
  }
}

/** What befell a socket. */
export function socketTrouble(error: Error, { host, port }: Place): PigeonholeError {
  return told(error, 'use UDP socket', host, port);
}

/** The addon's errors are ours already, but for what is particular to this transport. */
function told(error: Error, doing: string, host: string, port: number): PigeonholeError {
  const { errno } = error as NodeJS.ErrnoException;
  const address = place(host, port);
  const details = { cause: error, errno, transport: 'udp', address };
  if (errno === -EADDRINUSE)
    return new PigeonholeError(
      'ERR_IN_USE',
      `cannot ${doing} ${address}: another socket has that port (EADDRINUSE); give each process a port of its own (option listen), or 0`,
      details,
    );
  if (errno === -EADDRNOTAVAIL)
    return new PigeonholeError(
      'ERR_TRANSPORT',
      `cannot ${doing} ${address}: this machine has no such address (EADDRNOTAVAIL); name one of its own (option listen)`,
      details,
    );
  return error instanceof PigeonholeError ? error : socketError(error, doing, address);
}
