// Each mailbox a queue of the kernel's: what such a queue cannot do is refused, and all else is as everywhere. In threads only by
// `npm run test:proofs`.
import { conformance, type Place } from '@pigeonhole/core/conformance';
import { afterAll, describe, test } from 'vitest';
import { kernel } from './kernel-setting.js';

const places: Record<string, readonly Place[]> = {
  all: ['process', 'threads', 'processes'],
  proofs: ['threads'],
};
const kind = process.env.PIGEONHOLE_TESTS ?? '';
const where = places[kind] ?? ['process', 'processes'];

for (const api of ['posix', 'sysv'] as const)
  conformance({
    runner: { afterAll, describe, test },
    name: `mqueue-kernel, ${api}`,
    ...kernel(api),
    where,
    brief: kind === 'all' ? [] : ['threads', 'processes'],
  });
