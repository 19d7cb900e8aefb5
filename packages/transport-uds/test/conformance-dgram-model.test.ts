import { modelTest } from '@pigeonhole/core/conformance';
import fc from 'fast-check';
import { test } from 'vitest';

for (const [place, numRuns] of [
  ['process', 20],
  ['threads', 8],
  ['processes', 8],
] as const)
  test(`a mailbox over Unix datagrams does what the model of a mailbox does (${place})`, async () => {
    const choices = fc.array(fc.nat(), { maxLength: 120, size: 'max' });
    await modelTest({
      transport: { use: 'uds', socket: 'dgram' },
      place,
      search: (run) => fc.assert(fc.asyncProperty(choices, run), { numRuns }),
    });
  }, 600_000);
