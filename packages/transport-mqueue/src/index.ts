import { dirname } from 'node:path';
import type { Ability, LinkTransport, StoreTransport } from '@pigeonhole/core/transport';
import { native } from '@pigeonhole/native';
import { KernelAttachment } from './kernel-attachment.js';
import { posixApi } from './kernel-posix.js';
import { sysvApi } from './kernel-sysv.js';
import { checkOptions, type MqueueOptions } from './options.js';
import { MqueuePort } from './port.js';
import { PosixMechanism } from './posix-inbox.js';
import { SysvMechanism } from './sysv-inbox.js';

export type { MqueueOptions } from './options.js';

const reach = { sync: false, crossThread: true, crossProcess: true, crossHost: false } as const;
const KERNEL = 'mqueue-kernel';
const apis = { posix: posixApi, sysv: sysvApi } as const;

/** What a queue of the kernel's cannot do. Only POSIX's has priorities, and only System V's has types. */
const lacks: Readonly<Record<'posix' | 'sysv', readonly Ability[]>> = {
  posix: ['rendezvous', 'unbounded', 'many places', 'large bodies', 'type', 'selection', 'direct'],
  sysv: ['rendezvous', 'unbounded', 'many places', 'large bodies', 'priority', 'selection', 'direct'],
};

/**
 * Links over message queues of the kernel: each process has one for an inbox, into which all others write, in messages that the kernel keeps
 * whole. With `queue: 'kernel'`, a store under the name `mqueue-kernel`: each mailbox is a queue of the kernel's, which outlives all processes and
 * which C programs can use; what such a queue cannot do, its `capabilities.lacks` names.
 *
 * Needs `@pigeonhole/native`, else `ERR_NATIVE_UNAVAILABLE`.
 */
export default function mqueue(options: MqueueOptions & { queue: 'kernel' }): StoreTransport;
export default function mqueue(options?: MqueueOptions & { queue?: 'hosted' }): LinkTransport;
export default function mqueue(options: MqueueOptions = {}): LinkTransport | StoreTransport {
  checkOptions(options);
  return options.queue === 'kernel' ? kernel(options) : hosted(options);
}

function hosted({ api = 'posix' }: MqueueOptions): LinkTransport {
  return {
    kind: 'link',
    name: 'mqueue',
    capabilities: { ...reach, durable: false },
    open: async (context) => {
      native();
      const directory = dirname(context.path('mqueue'));
      return new MqueuePort(
        context,
        api === 'posix' ? new PosixMechanism(directory) : new SysvMechanism(directory),
      );
    },
    details: () => ({ api }),
  };
}

function kernel({ api = 'posix', messageBytes, queues = {} }: MqueueOptions): StoreTransport {
  let attachment: KernelAttachment | null = null;
  return {
    kind: 'store',
    name: KERNEL,
    capabilities: { ...reach, durable: true, lacks: lacks[api] },
    attach: async (context) => {
      native();
      attachment = new KernelAttachment(context, KERNEL, { api: apis[api], messageBytes, queues }, apis);
      return attachment;
    },
    details: (mailbox) => ({
      api,
      ...(mailbox === undefined ? {} : attachment?.describe(mailbox)),
    }),
  };
}
