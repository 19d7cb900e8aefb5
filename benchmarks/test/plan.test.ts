import { expect, test } from 'vitest';
import { Budget } from '../src/budget.js';
import type { Entry } from '../src/catalogue.js';
import type { Case } from '../src/contender.js';
import { isFresh, planOf, roundsOf, runsOf } from '../src/plan.js';

function entry(name: string, more: Partial<Case> = {}): Entry {
  return { file: 'some.js', testCase: { kind: 'one-way', name, ...more } as Case };
}

function entries(count: number, more: Partial<Case> = {}): Entry[] {
  return Array.from({ length: count }, (_entry, index) => entry(`case ${index}`, more));
}

function names(groups: readonly { entries: readonly Entry[] }[]): string[][] {
  return groups.map((group) => group.entries.map(({ testCase }) => testCase.name));
}

test('main cases take all rounds in one life, variants three', () => {
  const all = [entry('variant', { detail: true }), entry('main')];
  const plan = planOf(all, 5);
  expect(names(plan)).toEqual([['main', 'variant']]);
  expect(plan).toMatchObject([{ firstRound: 0, rounds: 5 }]);
  expect(runsOf(plan, 5)).toBe(8);
});

test('more rounds than a life has are taken by other processes', () => {
  const plan = planOf([entry('a'), entry('b', { detail: true })], 12);
  expect(names(plan)).toEqual([
    ['a', 'b'],
    ['a', 'b'],
    ['a', 'b'],
  ]);
  expect(plan.map(({ firstRound, rounds }) => [firstRound, rounds])).toEqual([
    [0, 5],
    [5, 5],
    [10, 2],
  ]);
  expect(runsOf(plan, 12)).toBe(24);
});

test('what never sleeps lives alone', () => {
  const all = [entry('a'), entry('b', { restless: true }), entry('c', { detail: true })];
  expect(names(planOf(all, 1))).toEqual([['a', 'c'], ['b']]);
});

test('more rounds than usual are for all', () => {
  const all = [entry('variant', { detail: true }), entry('bytes', { kind: 'sizes' })];
  expect(all.map((each) => roundsOf(each, 5))).toEqual([3, 5]);
  expect(all.map((each) => roundsOf(each, 7))).toEqual([7, 7]);
  expect(all.map((each) => roundsOf(each, 1))).toEqual([1, 1]);
  expect(runsOf(planOf(all, 7), 7)).toBe(14);
});

test('groups are of one kind, at most 16 cases, and every case is in one', () => {
  const all = [...entries(40), ...entries(3, { kind: 'round-trip' })];
  const plan = planOf(all, 1);
  expect(plan.map(({ entries: own }) => own.length)).toEqual([13, 14, 13, 3]);
  expect(new Set(plan.flatMap(({ entries: own }) => own)).size).toBe(43);
});

test('what cannot be repeated has processes of its own in each round', () => {
  expect(isFresh(entry('a', { restless: true }))).toBe(false);
  expect(isFresh(entry('a', { kind: 'footprint' } as Partial<Case>))).toBe(true);
});

/** A budget, and the time that only the test moves. */
function budgetOf(limit: number, work: number) {
  let now = 5_000;
  const budget = new Budget(limit, work, () => now);
  const round = (milliseconds: number): boolean => {
    const goesOn = budget.beginRound();
    if (goesOn) {
      now += milliseconds;
      budget.endRound();
    }
    return goesOn;
  };
  return { budget, round };
}

test('a group has its share of the time, and rounds begin while another fits', () => {
  const { budget, round } = budgetOf(1_000, 10);
  expect(budget.beginGroup(4)).toBe(true);
  expect([round(150), round(150), round(150)]).toEqual([true, true, false]);
});

test('what one group leaves is for those after it', () => {
  const { budget, round } = budgetOf(1_000, 10);
  budget.beginGroup(5);
  expect(round(100)).toBe(true);
  budget.beginGroup(5);
  expect([round(300), round(300), round(300), round(300)]).toEqual([true, true, true, false]);
});

test('a group that would end too late does not begin', () => {
  const { budget, round } = budgetOf(1_000, 10);
  budget.beginGroup(5);
  round(450);
  expect(budget.beginGroup(5, 500)).toBe(true);
  expect(budget.beginGroup(5, 600)).toBe(false);
});

test('without a limit everything goes on', () => {
  const { budget, round } = budgetOf(Number.POSITIVE_INFINITY, 10);
  expect(budget.beginGroup(5, 1e9)).toBe(true);
  expect([round(1e9), round(1e9)]).toEqual([true, true]);
});
