import { modelTest } from '@pigeonhole/core/conformance';
import fc from 'fast-check';
import { test } from 'vitest';

for (const [place, numRuns] of [
  ['process', 10],
  ['threads', 5],
  ['processes', 5],
] as const)
  test(`a mailbox over FIFOs does what the model of a mailbox does (${place})`, async () => {
    const choices = fc.array(fc.nat(), { maxLength: 120, size: 'max' });
    await modelTest({
      transport: 'fifo',
      place,
      search: (run) => fc.assert(fc.asyncProperty(choices, run), { numRuns, endOnFailure: true }),
    });
  }, 600_000);
