// The reference: every rule on the memory transport.
import { conformance, modelTest, needy, rules } from '@pigeonhole/core/conformance';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

conformance({ runner: { describe, test }, name: 'memory', transport: 'memory', where: ['process'] });

test('every rule from R1 to R28 has a test', () => {
  const expected = Array.from({ length: 28 }, (_, at) => `R${at + 1}`);
  expect([...new Set(rules.map(({ rule }) => rule))]).toEqual(expected);
  expect(new Set(rules.map(({ rule, title }) => `${rule} ${title}`)).size).toBe(rules.length);
});

test('what tests need is said of tests that there are', () => {
  const titles = new Set(rules.map(({ rule, title }) => `${rule} ${title}`));
  expect(needy.filter((title) => !titles.has(title))).toEqual([]);
});

test('a mailbox in memory does what the model of a mailbox does', async () => {
  await modelTest({
    transport: 'memory',
    place: 'process',
    search: (run) =>
      fc.assert(fc.asyncProperty(fc.array(fc.nat(), { maxLength: 120, size: 'max' }), run), { numRuns: 200 }),
  });
}, 300_000);
