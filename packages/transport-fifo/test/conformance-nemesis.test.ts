// More kills: node packages/core/conformance/nemesis-run.mjs --transport fifo --kills 200 --seed 7
import { nemesis } from '@pigeonhole/core/conformance';
import { expect, test } from 'vitest';

test('25 processes killed at random instants: every message over FIFOs is accounted for', async () => {
  const report = await nemesis({ transport: 'fifo', kills: 25, seed: 1 });
  expect(report.senders + report.receivers + report.hosts).toBe(25);
}, 600_000);
