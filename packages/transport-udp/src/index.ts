import type { LinkTransport } from '@pigeonhole/core/transport';
import { checkOptions, type UdpOptions } from './options.js';
import { UdpPort } from './port.js';

export type { UdpOptions } from './options.js';

/**
 * Links over UDP (udp(7)): one socket a process, and on it, for each link, a reliable stream of its own: numbered segments,
 * selective acknowledgement, retransmission, and a window that no slow receiver's buffer overflows from. No native code.
 *
 * A datagram socket does not see the other process die; the runtime's registry does, and tells the link.
 */
export default function udp(options: UdpOptions = {}): LinkTransport {
  const listen = checkOptions(options);
  return {
    kind: 'link',
    name: 'udp',
    capabilities: { sync: false, crossThread: true, crossProcess: true, crossHost: false, durable: false },
    open: (context) => UdpPort.open(context, listen),
  };
}
