import { type LinkTransport, PigeonholeError } from '@pigeonhole/core/transport';
import { FifoPort } from './port.js';

/**
 * Links over named FIFOs (fifo(7)): each process reads one, into which all others write, in pieces that the kernel keeps whole. It has
 * no options. Needs `@pigeonhole/native`, else `ERR_NATIVE_UNAVAILABLE`.
 */
export default function fifo(options: Record<string, never> = {}): LinkTransport {
  for (const key of Object.keys(options))
    throw new PigeonholeError('ERR_CONFIG', `transport 'fifo' has no option '${key}'; it has none`, {
      transport: 'fifo',
    });
  return {
    kind: 'link',
    name: 'fifo',
    capabilities: { sync: false, crossThread: true, crossProcess: true, crossHost: false, durable: false },
    open: (context) => FifoPort.open(context),
  };
}
