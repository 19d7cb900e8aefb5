import { isMainThread } from 'node:worker_threads';
import {
  type LinkHandler,
  type LinkTransport,
  PigeonholeError,
  type Port,
  type PortContext,
} from '@pigeonhole/core/transport';
import { native } from '@pigeonhole/native';
import { hub } from './hub.js';
import { spawnProcess } from './spawn-process.js';

export { type SpawnProcessOptions, spawnProcess } from './spawn-process.js';

/**
 * Links over pipes (pipe2(2)) between a process and those that it started with `spawnProcess`, and between any two processes of such a
 * family, which what lies between them in the tree passes on. It has no options.
 */
export default function pipe(options: Record<string, never> = {}): LinkTransport {
  for (const key of Object.keys(options))
    throw new PigeonholeError('ERR_CONFIG', `transport 'pipe' has no option '${key}'; it has none`, {
      transport: 'pipe',
    });
  return {
    kind: 'link',
    name: 'pipe',
    capabilities: { sync: false, crossThread: false, crossProcess: true, crossHost: false, durable: false },
    open,
    startProcess: spawnProcess,
    details: () => ({ place: isMainThread ? hub().address : 'a worker thread, which has no pipes' }),
  };
}

async function open(context: PortContext): Promise<Port> {
  native();
  if (!isMainThread)
    throw new PigeonholeError(
      'ERR_UNSUPPORTED',
      "transport 'pipe' joins processes: in a worker thread use uds, or memory within one thread",
      { transport: 'pipe' },
    );
  const own = hub();
  const address = own.listen((link) => context.accept(link));
  const dialling = new Set<LinkHandler>();
  return {
    address,
    connect: (to, handler) => {
      dialling.add(handler);
      return own.connect(to, handler).finally(() => dialling.delete(handler));
    },
    close: async () => own.unlisten(address, dialling),
  };
}
