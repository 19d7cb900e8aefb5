// Each mailbox a queue of the kernel's: what such a queue cannot do is refused, and all else is as everywhere.
import { conformance } from '@pigeonhole/core/conformance';
import { afterAll, describe, test } from 'vitest';
import { kernel } from './kernel-setting.js';

const all = process.env.PIGEONHOLE_TESTS === 'all';

for (const api of ['posix', 'sysv'] as const)
  conformance({
    runner: { afterAll, describe, test },
    name: `mqueue-kernel, ${api}`,
    ...kernel(api),
    where: ['process', 'threads', 'processes'],
    brief: all ? [] : ['threads', 'processes'],
  });
