import { nemesis } from '@pigeonhole/core/conformance';
import { expect, test } from 'vitest';
import { kernel } from './kernel-setting.js';

/** Each with both: `npm run test:proofs`. */
const few = !['all', 'proofs'].includes(process.env.PIGEONHOLE_TESTS ?? '');
const queues = few ? (['posix'] as const) : (['posix', 'sysv'] as const);
const kernels = few ? (['sysv'] as const) : (['posix', 'sysv'] as const);

test.each(queues)(
  'processes killed at random instants: every message over %s queues is accounted for',
  async (api) => {
    const { senders, receivers, hosts, stops } = await nemesis({
      transport: { use: 'mqueue', api },
      seed: 1,
    });
    expect(Math.min(senders, receivers, hosts, stops)).toBeGreaterThan(0);
  },
  600_000,
);

test.each(kernels)(
  'processes killed at random instants: every message in a %s queue of the kernel is accounted for',
  async (api) => {
    const { senders, receivers, stops } = await nemesis({ ...kernel(api), seed: 1 });
    expect(Math.min(senders, receivers, stops)).toBeGreaterThan(0);
  },
  600_000,
);
