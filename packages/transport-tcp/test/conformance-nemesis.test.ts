import { nemesis } from '@pigeonhole/core/conformance';
import { expect, test } from 'vitest';

test('processes killed at random instants: every message over tcp is accounted for', async () => {
  const { senders, receivers, hosts, stops } = await nemesis({ transport: 'tcp', seed: 1 });
  expect(Math.min(senders, receivers, hosts, stops)).toBeGreaterThan(0);
}, 600_000);
