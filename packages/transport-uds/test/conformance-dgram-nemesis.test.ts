import { nemesis } from '@pigeonhole/core/conformance';
import { expect, test } from 'vitest';

test('25 processes killed at random instants: every message over Unix datagrams is accounted for', async () => {
  const report = await nemesis({ transport: { use: 'uds', socket: 'dgram' }, kills: 25, seed: 1 });
  expect(report.senders + report.receivers + report.hosts).toBe(25);
}, 600_000);
