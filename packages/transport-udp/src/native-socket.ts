import { ifInstalled } from '@pigeonhole/core/transport';
import type { Socket, SocketEvents } from './socket.js';

/**
 * The addon's. Null where there is none. A datagram costs it one call from C++ and no object of Node.js, and the end of a worker thread
 * cannot meet it in the middle of one.
 */
export async function nativeSocket(
  host: string,
  port: number,
  receiveBuffer: number,
  events: SocketEvents,
): Promise<Socket | null> {
  const native = await ifInstalled(() => import('@pigeonhole/native'));
  if (native === null || native.nativeProblem() !== undefined) return null;
  const socket = new native.UdpSocket(host, port, (bytes, from) => events.datagram(bytes, from), {
    receiveBuffer,
    onError: (error) => events.trouble(error),
  });
  return Object.assign(socket, { module: '@pigeonhole/native' } as const);
}
