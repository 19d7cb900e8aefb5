import { nemesis } from '@pigeonhole/core/conformance';
import { spawnProcess } from '@pigeonhole/transport-pipe';
import { expect, test } from 'vitest';

test('processes killed at random instants: every message over pipes is accounted for', async () => {
  const { senders, receivers, hosts, stops } = await nemesis({
    transport: 'pipe',
    startProcess: spawnProcess,
    seed: 1,
  });
  expect(Math.min(senders, receivers, hosts, stops)).toBeGreaterThan(0);
}, 600_000);
