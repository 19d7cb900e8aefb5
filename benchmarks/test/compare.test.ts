import { expect, test } from 'vitest';
import { compare, comparisonText } from '../src/compare.js';
import type { CaseResult, Result } from '../src/result.js';
import type { WarmUpRule } from '../src/warm-up.js';
import { caseWith, resultWith } from './results.js';

const steady = [100, 101, 99, 100, 102];

function scaled(values: readonly number[], factor: number): number[] {
  return values.map((value) => value * factor);
}

function peers(factor: number): CaseResult[] {
  return ['a', 'b', 'c', 'd', 'e'].map((name) => caseWith('one-way', name, 'rate', scaled(steady, factor)));
}

function run(own: readonly number[], machine = 1): Result {
  return resultWith([caseWith('one-way', 'shm', 'rate', own, true), ...peers(machine)]);
}

function verdictOf(before: Result, now: Result): string | undefined {
  return compare(before, now).comparisons.find(({ name }) => name === 'shm')?.verdict;
}

test('a fall beyond the noise is a regression', () => {
  const verdict = compare(run(steady), run(scaled(steady, 0.8)));
  expect(verdict.regressed).toBe(true);
  expect(verdict.comparisons).toMatchObject([{ name: 'shm', verdict: 'slower' }]);
  expect(verdict.comparisons[0]?.slower).toBeCloseTo(1.25, 2);
});

test('a rise is none, and where less is better a rise is one', () => {
  expect(verdictOf(run(steady), run(scaled(steady, 1.3)))).toBe('faster');
  const latency = (factor: number): Result =>
    resultWith([caseWith('round-trip', 'shm', 'p50', scaled(steady, factor), true)]);
  expect(verdictOf(latency(1), latency(1.3))).toBe('slower');
  expect(verdictOf(latency(1.3), latency(1))).toBe('faster');
});

test('a small change is noise', () => {
  expect(verdictOf(run(steady), run(scaled(steady, 0.95)))).toBe('same');
});

test('a change within what the rounds differ by is noise', () => {
  const wild = [60, 140, 100, 80, 120];
  expect(verdictOf(run(wild), run(scaled(wild, 0.75)))).toBe('same');
});

test('a slower machine is no regression, and does not hide one', () => {
  const slower = compare(run(steady), run(scaled(steady, 0.5), 0.5));
  expect(slower.regressed).toBe(false);
  expect(slower.machine).toBeCloseTo(2, 5);
  expect(verdictOf(run(steady), run(steady, 1.5))).toBe('slower');
});

test('what does not depend on the machine is not measured by it', () => {
  const heap = (bytes: number): CaseResult =>
    caseWith('footprint', 'shm', 'hostHeap', scaled(steady, bytes), true);
  expect(verdictOf(resultWith([heap(1), ...peers(1)]), resultWith([heap(1.3), ...peers(0.7)]))).toBe(
    'slower',
  );
});

test('peers that differ widely between the runs make the noise wide', () => {
  const scattered = (factors: readonly number[]): CaseResult[] =>
    factors.map((factor, index) => caseWith('one-way', `peer ${index}`, 'rate', scaled(steady, factor)));
  const own = (factor: number): CaseResult =>
    caseWith('one-way', 'shm', 'rate', scaled(steady, factor), true);
  const before = resultWith([own(1), ...scattered([1, 1, 1, 1, 1])]);
  const now = resultWith([own(0.8), ...scattered([0.7, 0.8, 1, 1.2, 1.4])]);
  expect(verdictOf(before, now)).toBe('same');
});

test('too few rounds say nothing, and that is said', () => {
  const verdict = compare(run(steady.slice(0, 2)), run(steady));
  expect(verdict.comparisons).toEqual([]);
  expect(verdict.doubts.join()).toContain('at least 3 rounds');
});

test('a result of another warm-up rule, or of other times, is not compared', () => {
  const before = run(steady);
  const now = run(scaled(steady, 0.5));
  const rule = before.warmup as WarmUpRule;
  for (const other of [
    { warmup: 150 },
    { warmup: { ...rule, most: 2_000 } },
    { runUp: 0 },
    { duration: 200 },
  ]) {
    const verdict = compare({ ...before, ...other }, now);
    expect(verdict).toMatchObject({ comparisons: [], regressed: false });
    expect(comparisonText(verdict)).toContain('NOT COMPARED');
  }
  expect(compare({ ...before, warmup: { ...rule } }, now).refusal).toBeUndefined();
});
