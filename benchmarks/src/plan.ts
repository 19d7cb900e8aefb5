/**
 * In which order everything runs. A *life* of a case is its processes, from their start to their end; they are warmed up once,
 * and measured in up to five rounds. The cases of a *group* live at the same time, and their rounds take turns, so that a noisy minute
 * touches all of them; the others of the group sleep meanwhile. A case that never sleeps is a group of its own.
 */

import type { Entry } from './catalogue.js';
import { kindNamed } from './kinds.js';

export const USUAL_ROUNDS = 5;
const DETAIL_ROUNDS = 3;
/** Compiled code differs from process to process, so who wants more rounds than usual gets other processes, too. */
const ROUNDS_A_LIFE = USUAL_ROUNDS;
/** So many pairs of processes fit into 4 GiB. */
const MOST_TOGETHER = 16;

/** Cases that live together for these rounds. */
export interface Group {
  readonly entries: readonly Entry[];
  /** Counted from 0. */
  readonly firstRound: number;
  /** Of the group: a case may take fewer. */
  readonly rounds: number;
}

/** Variants take fewer rounds than the main cases, unless more are asked for than usual. */
export function roundsOf({ testCase: { detail } }: Entry, rounds: number): number {
  const most = detail ? DETAIL_ROUNDS : USUAL_ROUNDS;
  return rounds > USUAL_ROUNDS ? rounds : Math.min(rounds, most);
}

/** Whether a life of it has one round. */
export function isFresh({ testCase }: Entry): boolean {
  return kindNamed(testCase.kind).fresh === true;
}

/** Each list in parts of nearly the same size. */
function parted(entries: readonly Entry[]): Entry[][] {
  const parts = Math.ceil(entries.length / MOST_TOGETHER);
  return Array.from({ length: parts }, (_part, index) => {
    const [from, to] = [index, index + 1].map((at) => Math.round((at * entries.length) / parts));
    return entries.slice(from, to);
  });
}

/** By kind, the main cases, which are compared with one another, before their variants. */
function together(entries: readonly Entry[]): Entry[][] {
  const kinds = [...new Set(entries.map(({ testCase }) => testCase.kind))];
  return kinds.flatMap((kind) => {
    const own = entries.filter(({ testCase }) => testCase.kind === kind);
    const sleepers = own.filter(({ testCase }) => !testCase.restless);
    const isDetail = ({ testCase }: Entry): boolean => testCase.detail === true;
    return [
      ...parted([...sleepers.filter((entry) => !isDetail(entry)), ...sleepers.filter(isDetail)]),
      ...own.filter(({ testCase }) => testCase.restless).map((entry) => [entry]),
    ];
  });
}

/** All groups, in order: every case's first life, then every second one, and so on. */
export function planOf(entries: readonly Entry[], rounds: number): Group[] {
  const groups: Group[] = [];
  for (let firstRound = 0; firstRound < rounds; firstRound += ROUNDS_A_LIFE) {
    const left = entries.filter((entry) => roundsOf(entry, rounds) > firstRound);
    for (const own of together(left)) {
      const last = Math.max(...own.map((entry) => roundsOf(entry, rounds)));
      groups.push({ entries: own, firstRound, rounds: Math.min(ROUNDS_A_LIFE, last - firstRound) });
    }
  }
  return groups;
}

/** Rounds of all cases of these groups. */
export function runsOf(groups: readonly Group[], rounds: number): number {
  return groups
    .flatMap(({ entries, firstRound, rounds: own }) =>
      entries.map((entry) => Math.min(own, roundsOf(entry, rounds) - firstRound)),
    )
    .reduce((sum, runs) => sum + runs, 0);
}
