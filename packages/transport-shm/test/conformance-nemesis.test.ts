import { nemesis } from '@pigeonhole/core/conformance';
import { expect, test } from 'vitest';
import { discard } from './discard.js';

test('processes killed at random instants: every message in shared memory is accounted for', async () => {
  const { senders, receivers, stops } = await nemesis({ transport: 'shm', seed: 1, discard });
  expect(Math.min(senders, receivers, stops)).toBeGreaterThan(0);
}, 600_000);
