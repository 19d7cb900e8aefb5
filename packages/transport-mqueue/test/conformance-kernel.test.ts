// Each mailbox a queue of the kernel's: what such a queue cannot do is refused, and all else is as everywhere.
import { conformance } from '@pigeonhole/core/conformance';
import { afterAll, describe, test } from 'vitest';
import mqueue from '../dist/index.js';
import { discard } from './discard.js';

const all = process.env.PIGEONHOLE_TESTS === 'all';

for (const api of ['posix', 'sysv'] as const)
  conformance({
    runner: { afterAll, describe, test },
    name: `mqueue-kernel, ${api}`,
    // Several mailboxes at once, of a budget that is the user's: see RLIMIT_MSGQUEUE in the README.
    transport: { use: 'mqueue', queue: 'kernel', api, ...(api === 'posix' ? { messageBytes: 4096 } : {}) },
    where: ['process', 'threads', 'processes'],
    brief: all ? [] : ['threads', 'processes'],
    lacks: mqueue({ queue: 'kernel', api }).capabilities.lacks ?? [],
    discard,
  });
