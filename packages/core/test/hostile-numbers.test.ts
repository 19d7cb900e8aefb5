/** Numbers that the other side chose, in whatever order: `Numbered` is a Map, and drains without holes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Numbered } from '../src/hosted/numbered.js';

/** Close together, just before and after each other's reach, and around the wrap. */
const number = fc
  .tuple(fc.constantFrom(0, 1, 4_000, 4_096, 8_192, 100_000, 2 ** 31, 2 ** 32 - 3), fc.nat({ max: 9 }))
  .map(([base, off]) => (base + off) >>> 0);

const step = fc.record({ set: fc.boolean(), number });

/** Applies the steps to both and compares what each answers. */
function compare(steps: readonly { set: boolean; number: number }[]): void {
  const numbered = new Numbered<string>();
  const model = new Map<number, string>();
  for (const [at, { set, number }] of steps.entries()) {
    if (set) {
      expect(numbered.set(number, `${at}`)).toBe(!model.has(number));
      if (!model.has(number)) model.set(number, `${at}`);
    } else {
      expect(numbered.take(number)).toBe(model.get(number));
      model.delete(number);
    }
    expect(numbered.get(number)).toBe(model.get(number));
    expect(numbered.size).toBe(model.size);
  }
  expect([...numbered.values()].sort()).toEqual([...model.values()].sort());
  expect(numbered.drain().sort()).toEqual([...model.values()].sort());
  expect(numbered.size).toBe(0);
  expect(numbered.drain()).toEqual([]);
}

describe('numbers that the other side chose', () => {
  test('answer as a Map does, whatever their order', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), compare), { numRuns: 2000 });
  });

  test('leave no hole behind where the oldest is not the first', () => {
    compare([
      { set: true, number: 0 },
      { set: true, number: 100_000 },
      { set: false, number: 0 },
      { set: true, number: 5 },
      { set: true, number: 4101 },
    ]);
  });

  test('span all 32 bits in a steady stream', () => {
    const numbered = new Numbered<number>();
    const start = 2 ** 32 - 5_000;
    for (let n = 0; n < 10_000; n++) {
      expect(numbered.set((start + n) >>> 0, n)).toBe(true);
      if (n >= 100) expect(numbered.take((start + n - 100) >>> 0)).toBe(n - 100);
    }
    expect(numbered.drain()).toEqual(Array.from({ length: 100 }, (_, n) => 9_900 + n));
  });
});

describe('numbers that this side gives', () => {
  test('count up, and are found again however late', () => {
    const numbered = new Numbered<number>();
    for (let n = 0; n < 20_000; n++) expect(numbered.add(n)).toBe(n);
    for (const n of [0, 19_999, 10_000, 1]) {
      expect(numbered.take(n)).toBe(n);
      expect(numbered.take(n)).toBeUndefined();
    }
    expect(numbered.size).toBe(19_996);
    expect(numbered.take(20_000)).toBeUndefined();
  });
});
