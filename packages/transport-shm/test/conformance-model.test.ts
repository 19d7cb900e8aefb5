import { modelTest } from '@pigeonhole/core/conformance';
import fc from 'fast-check';
import { test } from 'vitest';
import { discard } from './discard.js';

for (const [place, numRuns] of [
  ['process', 40],
  ['threads', 15],
  ['processes', 15],
] as const)
  test(`a mailbox in shared memory does what the model of a mailbox does (${place})`, async () => {
    const choices = fc.array(fc.nat(), { maxLength: 120, size: 'max' });
    await modelTest({
      transport: 'shm',
      place,
      discard,
      search: (run) => fc.assert(fc.asyncProperty(choices, run), { numRuns, endOnFailure: true }),
    });
  }, 600_000);
