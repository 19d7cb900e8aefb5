import { nemesis } from '@pigeonhole/core/conformance';
import { spawnProcess } from '@pigeonhole/transport-pipe';
import { expect, test } from 'vitest';

test('25 processes killed at random instants: every message over pipes is accounted for', async () => {
  const report = await nemesis({ transport: 'pipe', startProcess: spawnProcess, kills: 25, seed: 1 });
  expect(report.senders + report.receivers + report.hosts).toBe(25);
}, 600_000);
