import { expect, test } from 'vitest';
import {
  curveOf,
  emptyHistogram,
  encodeHistogram,
  mergeHistograms,
  percentiles,
  record,
} from '../src/histogram.js';

function recorded(milliseconds: readonly number[]): string {
  const histogram = emptyHistogram();
  for (const value of milliseconds) record(histogram, value);
  return encodeHistogram(histogram);
}

test('merged histograms are as if one had recorded all values', () => {
  const fast = Array.from({ length: 900 }, (_value, index) => 0.01 + index * 1e-6);
  const slow = Array.from({ length: 100 }, (_value, index) => 5 + index * 1e-3);
  const merged = percentiles(mergeHistograms([recorded(fast), recorded(slow)]));
  const whole = percentiles(mergeHistograms([recorded([...fast, ...slow])]));
  expect(merged).toEqual(whole);
  expect(merged.messages).toBe(1000);
  expect(merged.p50).toBeLessThan(11);
  expect(merged.p99).toBeGreaterThan(4_900);
});

test('percentiles are in microseconds, with three significant digits', () => {
  const { p50, max } = percentiles(mergeHistograms([recorded([0.123456, 0.123456, 2])]));
  expect(p50).toBeCloseTo(123.4, 0);
  expect(max).toBeGreaterThanOrEqual(2000);
  expect(max).toBeLessThan(2004);
});

test('what is below a nanosecond or above a minute is recorded as that', () => {
  const { p50, max } = percentiles(mergeHistograms([recorded([-3, -3, 1e9])]));
  expect(p50).toBe(0.001);
  expect(max).toBeGreaterThan(59e6);
});

test('a curve ends where there are no values to tell', () => {
  const { percent, microseconds } = curveOf(
    mergeHistograms([recorded(Array.from({ length: 100 }, () => 1))]),
  );
  expect(percent[0]).toBe(0);
  expect(percent.at(-1)).toBeCloseTo(99, 5);
  expect(microseconds).toHaveLength(percent.length);
});
