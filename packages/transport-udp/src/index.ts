import type { DatagramTransport, LinkTransport } from '@pigeonhole/core/transport';
import { DatagramSocket } from './datagrams.js';
import { checkOptions, type UdpOptions } from './options.js';
import { UdpPort } from './port.js';

export type { UdpOptions } from './options.js';

const reach = {
  sync: false,
  crossThread: true,
  crossProcess: true,
  crossHost: false,
  durable: false,
} as const;

/**
 * Links over UDP (udp(7)): one socket a process, and on it, for each link, a reliable stream of its own: numbered segments,
 * selective acknowledgement, retransmission, and a window that no slow receiver's buffer overflows from. No native code.
 *
 * A datagram socket does not see the other process die; the runtime's registry does, and tells the link.
 *
 * With `delivery: 'datagram'`, the plain thing under the name `udp-datagram`: a message is a datagram, which may be lost, doubled and overtaken.
 */
export default function udp(options: UdpOptions & { delivery: 'datagram' }): DatagramTransport;
export default function udp(options?: UdpOptions & { delivery?: 'reliable' }): LinkTransport;
export default function udp(options: UdpOptions = {}): LinkTransport | DatagramTransport {
  const listen = checkOptions(options);
  if (options.delivery === 'datagram')
    return {
      kind: 'datagram',
      name: 'udp-datagram',
      capabilities: { ...reach, reliable: false },
      open: (context) => DatagramSocket.open(context, listen),
    };
  let socket = 'not open';
  return {
    kind: 'link',
    name: 'udp',
    capabilities: reach,
    async open(context) {
      const port = await UdpPort.open(context, listen);
      socket = port.module;
      return port;
    },
    details: () => ({ socket }),
  };
}
