/** Runs all cases, interleaved: each round runs every case once, so that a noisy minute touches all of them. */

import { caseId, type Entry } from './catalogue.js';
import type { Metrics } from './control.js';
import { kindNamed } from './kinds.js';
import { type Outcome, type RunOptions, runCase } from './runner.js';
import { type Summary, summarise } from './statistics.js';
import { SystemCallCounter } from './system-calls.js';

const STRACE_DURATION = 700;

/** What is known of one case. */
export interface CaseResult {
  readonly entry: Entry;
  /** One element a round, in order; `undefined` where that round failed. */
  readonly rounds: (Metrics | undefined)[];
  readonly failures: string[];
  /** System calls a message, when strace counted them. */
  systemCalls?: { readonly lead: number; readonly second: number };
}

/** Called with one line of progress at a time. */
export type Progress = (line: string) => void;

function figure(entry: Entry, metrics: Metrics): string {
  const kind = kindNamed(entry.testCase.kind);
  const info = kind.metrics.find((metric) => metric.key === kind.compared);
  if (info === undefined) return '';
  return `${((metrics[info.key] ?? Number.NaN) * info.scale).toFixed(info.digits)} ${info.heading}`;
}

function describe(entry: Entry, outcome: Outcome): string {
  return 'metrics' in outcome ? figure(entry, outcome.metrics) : `FAILED: ${outcome.failure.split('\n')[0]}`;
}

/** Runs every case once a round; the first case of a round is another one each time. */
export async function runRounds(
  entries: readonly Entry[],
  rounds: number,
  options: RunOptions,
  progress: Progress,
): Promise<CaseResult[]> {
  const results = entries.map((entry): CaseResult => ({ entry, rounds: [], failures: [] }));
  for (let round = 0; round < rounds; round += 1) {
    const first = Math.floor((round * results.length) / rounds);
    for (const result of [...results.slice(first), ...results.slice(0, first)]) {
      const outcome = await runCase(result.entry, options);
      result.rounds.push('metrics' in outcome ? outcome.metrics : undefined);
      if ('failure' in outcome) result.failures.push(outcome.failure);
      progress(
        `round ${round + 1}/${rounds}  ${caseId(result.entry.testCase)}: ${describe(result.entry, outcome)}`,
      );
    }
  }
  return results;
}

async function countOne(result: CaseResult, options: RunOptions): Promise<string> {
  const counters: SystemCallCounter[] = [];
  const outcome = await runCase(result.entry, {
    ...options,
    duration: STRACE_DURATION,
    async observe(leadPid, secondPid) {
      counters.push(new SystemCallCounter(leadPid, options.root));
      if (secondPid !== undefined) counters.push(new SystemCallCounter(secondPid, options.root));
      await Promise.all(counters.map((counter) => counter.attach()));
    },
  });
  if ('failure' in outcome) {
    for (const counter of counters) counter.end();
    return outcome.failure;
  }
  const [lead, second] = await Promise.all(counters.map((counter) => counter.total()));
  const messages = outcome.metrics.messages ?? 0;
  if (lead === undefined || second === undefined || messages === 0) return 'strace could not attach';
  result.systemCalls = { lead: lead / messages, second: second / messages };
  return `${result.systemCalls.second.toFixed(3)} producer, ${result.systemCalls.lead.toFixed(3)} consumer`;
}

/** One more short run of each one-way case, under strace. Its rate is not used: strace slows every call. */
export async function countSystemCalls(
  results: readonly CaseResult[],
  options: RunOptions,
  progress: Progress,
): Promise<void> {
  for (const result of results) {
    const { testCase } = result.entry;
    if (testCase.kind !== 'one-way' || result.failures.length > 0) continue;
    progress(`system calls a message  ${caseId(testCase)}: ${await countOne(result, options)}`);
  }
}

/** Median and spread of one figure over the rounds that succeeded. */
export function summaryOf(result: CaseResult, metric: string): Summary | undefined {
  const values = result.rounds.flatMap((metrics) => metrics?.[metric] ?? []);
  return values.length > 0 ? summarise(values) : undefined;
}

/** How often `of` has `against`'s figure, round by round: pairs of one round share that minute's noise. */
export function ratioOf(of: CaseResult, against: CaseResult, metric: string): Summary | undefined {
  const ratios = of.rounds.flatMap((metrics, round) => {
    const ours = metrics?.[metric];
    const theirs = against.rounds[round]?.[metric];
    return ours === undefined || theirs === undefined || theirs === 0 ? [] : [ours / theirs];
  });
  return ratios.length > 0 ? summarise(ratios) : undefined;
}
