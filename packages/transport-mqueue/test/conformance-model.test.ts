import { modelTest } from '@pigeonhole/core/conformance';
import fc from 'fast-check';
import { test } from 'vitest';
import { kernel } from './kernel-setting.js';

for (const [api, place, numRuns] of [
  ['posix', 'process', 10],
  ['posix', 'threads', 4],
  ['posix', 'processes', 4],
  ['sysv', 'process', 4],
  ['sysv', 'processes', 3],
] as const)
  test(`a mailbox over ${api} queues does what the model of a mailbox does (${place})`, async () => {
    const choices = fc.array(fc.nat(), { maxLength: 120, size: 'max' });
    await modelTest({
      transport: { use: 'mqueue', api },
      place,
      search: (run) => fc.assert(fc.asyncProperty(choices, run), { numRuns, endOnFailure: true }),
    });
  }, 600_000);

for (const [api, place, numRuns] of [
  ['posix', 'process', 12],
  ['posix', 'processes', 5],
  ['sysv', 'process', 10],
  ['sysv', 'processes', 5],
] as const)
  test(`a ${api} queue of the kernel's does what the model of a mailbox does (${place})`, async () => {
    const choices = fc.array(fc.nat(), { maxLength: 120, size: 'max' });
    await modelTest({
      ...kernel(api),
      place,
      search: (run) => fc.assert(fc.asyncProperty(choices, run), { numRuns, endOnFailure: true }),
    });
  }, 600_000);
