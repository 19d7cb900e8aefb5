import { expect, test } from 'vitest';
import { isSettled, ruleText, type WarmUpRule, warmUp } from '../src/warm-up.js';

const rule: WarmUpRule = { window: 250, least: 1_000, most: 4_000, last: 3, tolerance: 0.05 };

/** Work whose windows have these rates, the last of them for ever, on a clock that only it moves. */
function machine(rates: readonly number[]) {
  let now = 0;
  let windows = 0;
  return {
    clock: () => now,
    async work(milliseconds: number): Promise<number> {
      now += milliseconds;
      windows += 1;
      return rates[Math.min(windows, rates.length) - 1] ?? Number.NaN;
    },
  };
}

async function warmed(rates: readonly number[], own = rule) {
  const { work, clock } = machine(rates);
  return warmUp(work, own, clock);
}

test('what is equally fast from the start is warm after the least time', async () => {
  expect(await warmed([100])).toEqual({ milliseconds: 1_000, rates: [100, 100, 100, 100], settled: true });
});

test('what gets faster is warm once the last windows are no faster than those before', async () => {
  const { milliseconds, rates, settled } = await warmed([10, 20, 40, 60, 80, 100]);
  expect(settled).toBe(true);
  // The first window at full speed, and three that are not faster.
  expect(rates).toEqual([10, 20, 40, 60, 80, 100, 100, 100, 100]);
  expect(milliseconds).toBe(2_250);
});

test('slow windows of a busy machine do not end it, nor a fast one that was matched before', async () => {
  const { rates, settled } = await warmed([50, 100, 30, 20, 100, 60, 60]);
  expect(settled).toBe(true);
  expect(rates).toEqual([50, 100, 30, 20, 100]);
});

test('what is still getting faster ends at the most, and says so', async () => {
  const faster = Array.from({ length: 40 }, (_rate, index) => 1.2 ** index);
  expect(await warmed(faster)).toMatchObject({ milliseconds: 4_000, settled: false });
});

test('a window longer than the least time is not settled alone', async () => {
  const { rates } = await warmed([100], { ...rule, window: 1_500 });
  expect(rates).toHaveLength(3);
});

test('gains within the tolerance are settled, above it not', () => {
  expect(isSettled([100, 105, 104, 103], rule)).toBe(true);
  expect(isSettled([100, 104, 103, 106], rule)).toBe(false);
  expect(isSettled([100, 100, 100], rule)).toBe(false);
});

test('a failure while warming up is passed on', async () => {
  await expect(warmUp(() => Promise.reject(new Error('lost')), rule)).rejects.toThrow('lost');
});

test('the rule is said in words, of older results the milliseconds', () => {
  expect(ruleText(rule)).toBe(
    'warmed up for 1 s at least and 4 s at most, until the best of 3 windows of 250 ms was not 5 % faster than the best before',
  );
  expect(ruleText(150)).toBe('150 ms to warm up in each round');
});
