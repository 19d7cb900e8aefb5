import { modelTest } from '@pigeonhole/core/conformance';
import fc from 'fast-check';
import { test } from 'vitest';
import { kernel } from './kernel-setting.js';

for (const [api, place, numRuns] of [
  ['posix', 'process', 20],
  ['posix', 'threads', 8],
  ['posix', 'processes', 6],
  ['sysv', 'process', 5],
  ['sysv', 'processes', 4],
] as const)
  test(`a mailbox over ${api} queues does what the model of a mailbox does (${place})`, async () => {
    const choices = fc.array(fc.nat(), { maxLength: 120, size: 'max' });
    await modelTest({
      transport: { use: 'mqueue', api },
      place,
      search: (run) => fc.assert(fc.asyncProperty(choices, run), { numRuns }),
    });
  }, 600_000);

for (const [api, place, numRuns] of [
  ['posix', 'process', 20],
  ['posix', 'processes', 6],
  ['sysv', 'process', 20],
  ['sysv', 'processes', 6],
] as const)
  test(`a ${api} queue of the kernel's does what the model of a mailbox does (${place})`, async () => {
    const choices = fc.array(fc.nat(), { maxLength: 120, size: 'max' });
    await modelTest({
      ...kernel(api),
      place,
      search: (run) => fc.assert(fc.asyncProperty(choices, run), { numRuns }),
    });
  }, 600_000);
