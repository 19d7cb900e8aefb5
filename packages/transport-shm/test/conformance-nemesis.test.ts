// More kills: node packages/core/conformance/nemesis-run.mjs --transport shm --kills 500 --seed 7
import { nemesis } from '@pigeonhole/core/conformance';
import { expect, test } from 'vitest';
import { discard } from './discard.js';

test('25 processes killed at random instants: every message in shared memory is accounted for', async () => {
  const report = await nemesis({ transport: 'shm', kills: 25, seed: 1, discard });
  expect(report.senders + report.receivers + report.hosts).toBe(25);
}, 600_000);
