import type { LinkTransport } from '@pigeonhole/core/transport';
import { DatagramPort } from './dgram-port.js';
import { Gate } from './gate.js';
import { checkOptions, type UdsOptions } from './options.js';
import { StreamPort } from './stream-port.js';

export type { UdsAllow, UdsOptions } from './options.js';

/**
 * Links over Unix sockets (unix(7)): any processes and worker threads of one user on one host. Stream sockets need no native code; with it
 * (`@pigeonhole/native`) the kernel is asked who is at the other end of each connection.
 *
 * Each process listens on one socket of mode 0600 in the runtime directory of mode 0700, under its incarnation's own name: nothing
 * it binds or unlinks can ever be another's. The kernel reports a dead process at once, and delivers what it had written.
 *
 * With `socket: 'dgram'`, under the name `uds-dgram`, it receives all that others send it through one datagram socket; the kernel loses
 * and reorders nothing, and says of each datagram who sent it.
 */
export default function uds(options: UdsOptions = {}): LinkTransport {
  checkOptions(options);
  const { socket = 'stream' } = options;
  let gate = Gate.unasked;
  return {
    kind: 'link',
    name: socket === 'stream' ? 'uds' : 'uds-dgram',
    capabilities: { sync: false, crossThread: true, crossProcess: true, crossHost: false, durable: false },
    open: async (context) => {
      gate = await Gate.make(options);
      return socket === 'stream' ? StreamPort.open(context, gate, options) : DatagramPort.open(context, gate);
    },
    details: () => ({ socket, peers: gate.description }),
  };
}
