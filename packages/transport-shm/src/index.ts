import { dirname } from 'node:path';
import { PigeonholeError, type StoreTransport, sharedMemoryFolder, show } from '@pigeonhole/core/transport';
import { native } from '@pigeonhole/native';
import { ShmAttachment } from './attachment.js';

export interface ShmOptions {
  /**
   * A directory on a tmpfs that every process of the namespace sees. Default `/dev/shm`. All processes of a namespace must name
   * the same.
   */
  directory?: string;
  /**
   * The most turns of the event loop without anything that a process stays awake for a waiting call, within the runtime's `busyPoll`, before it
   * sleeps and has to be woken by a system call: 0 to 10,000; 0: it sleeps at once. Default: `busyPoll` alone decides.
   */
  turns?: number;
}

const allowed = ['directory', 'turns'];

/**
 * Mailboxes in shared memory: the queue itself is shared, so a message outlives its sender, and while both sides are busy no
 * system call is made for a message. `createRuntime` rejects with `ERR_NATIVE_UNAVAILABLE` where the addon does not load.
 */
export function shm(options: ShmOptions = {}): StoreTransport {
  const { directory = '/dev/shm', turns } = check(options);
  return {
    kind: 'store',
    name: 'shm',
    capabilities: { sync: true, crossThread: true, crossProcess: true, crossHost: false, durable: true },
    attach: async (context) => {
      native();
      return ShmAttachment.join(context, sharedMemoryFolder(directory, dirname(context.path('shm'))), turns);
    },
  };
}

export default shm;

function check(options: ShmOptions): ShmOptions {
  for (const key of Object.keys(options))
    if (!allowed.includes(key))
      throw new PigeonholeError(
        'ERR_CONFIG',
        `transport 'shm' has no option '${key}'; allowed are ${allowed.join(', ')}`,
        { transport: 'shm' },
      );
  const { directory, turns } = options;
  if (directory !== undefined && !(typeof directory === 'string' && directory.startsWith('/')))
    throw new PigeonholeError(
      'ERR_CONFIG',
      `option directory of transport 'shm' is ${show(directory)}; it must be an absolute path`,
      { transport: 'shm' },
    );
  if (turns !== undefined && !(Number.isInteger(turns) && turns >= 0 && turns <= 10_000))
    throw new PigeonholeError(
      'ERR_CONFIG',
      `option turns of transport 'shm' is ${show(turns)}; it must be an integer from 0 to 10000`,
      { transport: 'shm' },
    );
  return options;
}
