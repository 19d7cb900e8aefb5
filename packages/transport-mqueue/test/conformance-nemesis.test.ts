// More kills: node packages/core/conformance/nemesis-run.mjs --transport mqueue --kills 200 --seed 7
import { nemesis } from '@pigeonhole/core/conformance';
import { expect, test } from 'vitest';
import { kernel } from './kernel-setting.js';

test.each(['posix', 'sysv'] as const)(
  '10 processes killed at random instants: every message over %s queues is accounted for',
  async (api) => {
    const report = await nemesis({ transport: { use: 'mqueue', api }, kills: 10, seed: 1 });
    expect(report.senders + report.receivers + report.hosts).toBe(10);
  },
  600_000,
);

test.each(['posix', 'sysv'] as const)(
  '10 processes killed at random instants: every message in a %s queue of the kernel is accounted for',
  async (api) => {
    const report = await nemesis({ ...kernel(api), kills: 10, seed: 1 });
    expect(report.senders + report.receivers).toBe(10);
  },
  600_000,
);
