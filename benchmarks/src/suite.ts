/** Runs all cases, interleaved: each round runs every case once, so that a noisy minute touches all of them. */

import { caseId, type Entry } from './catalogue.js';
import type { Measurement } from './control.js';
import { encodeHistogram, mergeHistograms } from './histogram.js';
import { kindNamed } from './kinds.js';
import type { Progress } from './progress.js';
import type { CaseResult, SystemCalls } from './result.js';
import { type Outcome, type RunOptions, runCase } from './runner.js';
import { SystemCallCounter } from './system-calls.js';

/** Long enough that what opening and closing takes does not count. */
const STRACE_DURATION = 800;
export const USUAL_ROUNDS = 5;
const DETAIL_ROUNDS = 3;

/** A case, and what was measured of it so far. */
interface CaseRecord {
  readonly entry: Entry;
  readonly measurements: (Measurement | undefined)[];
  readonly failures: string[];
  systemCalls?: SystemCalls;
}

function figure({ testCase }: Entry, { metrics }: Measurement): string {
  const kind = kindNamed(testCase.kind);
  const info =
    kind.metrics.find(({ key }) => key === kind.compared && metrics[key] !== undefined) ??
    kind.metrics.find(({ key }) => metrics[key] !== undefined);
  if (info === undefined) return '';
  return `${((metrics[info.key] ?? Number.NaN) * info.scale).toFixed(info.digits)} ${info.heading}`;
}

function describe(entry: Entry, outcome: Outcome): string {
  return 'failure' in outcome
    ? `FAILED: ${outcome.failure.split('\n')[0]}`
    : figure(entry, outcome.measurement);
}

function mergedHistograms(measurements: readonly (Measurement | undefined)[]): Record<string, string> {
  const byName = new Map<string, string[]>();
  for (const measurement of measurements) {
    for (const [name, text] of Object.entries(measurement?.histograms ?? {})) {
      byName.set(name, [...(byName.get(name) ?? []), text]);
    }
  }
  return Object.fromEntries(
    [...byName].map(([name, texts]) => [name, encodeHistogram(mergeHistograms(texts))]),
  );
}

function toResult({ entry, measurements, failures, systemCalls }: CaseRecord): CaseResult {
  const { kind, name, ours = false } = entry.testCase;
  const histograms = mergedHistograms(measurements);
  return {
    kind,
    name,
    ours,
    rounds: measurements.map((measurement) => measurement?.metrics ?? null),
    failures,
    ...(Object.keys(histograms).length > 0 ? { histograms } : {}),
    ...(systemCalls === undefined ? {} : { systemCalls }),
  };
}

/** How many runs `runSuite` makes, for its progress. */
export function runsOf(entries: readonly Entry[], rounds: number, counting: boolean): number {
  const measured = entries.reduce((sum, { testCase }) => sum + roundsOf(testCase, rounds), 0);
  return measured + (counting ? entries.filter(isCounted).length : 0);
}

/** Variants take fewer rounds than the main cases, unless more are asked for than usual. */
function roundsOf({ kind, detail }: Entry['testCase'], rounds: number): number {
  const most = Math.min(kindNamed(kind).rounds ?? USUAL_ROUNDS, detail ? DETAIL_ROUNDS : USUAL_ROUNDS);
  return rounds > USUAL_ROUNDS ? rounds : Math.min(rounds, most);
}

/** How long a run may take, beside what a case takes. */
export interface Extent {
  readonly rounds: number;
  /** Milliseconds: no round begins that would probably end later. The first always does. */
  readonly limit: number;
  /** Count system calls, too. */
  readonly counting: boolean;
}

/** The system calls, if they are to be counted; then every case once a round, the first of a round another one each time. */
export async function runSuite(
  entries: readonly Entry[],
  extent: Extent,
  options: RunOptions,
  progress: Progress,
): Promise<CaseResult[]> {
  const { rounds, limit, counting } = extent;
  const records = entries.map((entry): CaseRecord => ({ entry, measurements: [], failures: [] }));
  const began = performance.now();
  if (counting)
    for (const record of records.filter(({ entry }) => isCounted(entry)))
      await count(record, options, progress);
  let longest = 0;
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    if (round > 0 && start + longest - began > limit) break;
    const first = Math.floor((round * records.length) / rounds);
    for (const record of [...records.slice(first), ...records.slice(0, first)]) {
      await measure(record, round, rounds, options, progress);
    }
    longest = Math.max(longest, performance.now() - start);
  }
  return records.map(toResult);
}

async function measure(
  record: CaseRecord,
  round: number,
  rounds: number,
  options: RunOptions,
  progress: Progress,
): Promise<void> {
  const { entry, measurements, failures } = record;
  if (round >= roundsOf(entry.testCase, rounds)) return void measurements.push(undefined);
  const label = `round ${round + 1}/${rounds}  ${caseId(entry.testCase)}`;
  progress.begin(label);
  const outcome = await runCase(entry, options);
  measurements.push('failure' in outcome ? undefined : outcome.measurement);
  if ('failure' in outcome) failures.push(outcome.failure);
  progress.end(`${label}: ${describe(entry, outcome)}`, 'failure' in outcome);
}

/** Those of one way without the variants: each costs another run, under strace. */
function isCounted({ testCase }: Entry): boolean {
  return testCase.kind === 'one-way' && testCase.detail === undefined;
}

/** One more short run under strace. Its rate is not used: strace slows every call. */
async function count(record: CaseRecord, options: RunOptions, progress: Progress): Promise<void> {
  const label = `system calls a message  ${caseId(record.entry.testCase)}`;
  progress.begin(label);
  progress.end(`${label}: ${await counted(record, options)}`, false);
}

async function counted(record: CaseRecord, options: RunOptions): Promise<string> {
  const counters: SystemCallCounter[] = [];
  const outcome = await runCase(record.entry, {
    ...options,
    nodeOptions: [],
    duration: STRACE_DURATION,
    async observe(pids) {
      counters.push(...pids.map((pid) => new SystemCallCounter(pid, options.root)));
      await Promise.all(counters.map((counter) => counter.attach()));
    },
  });
  if ('failure' in outcome) {
    for (const counter of counters) counter.end();
    return outcome.failure;
  }
  const totals = await Promise.all(counters.map((counter) => counter.total()));
  const calls = shares(record.entry, totals, outcome.measurement.metrics.messages ?? 0);
  if (calls === undefined) return 'strace could not attach';
  record.systemCalls = calls;
  return calls.total.toFixed(4);
}

/** The first count is the leading process's, which consumes; the producers' follow, then those of further consumers. */
function shares(
  { testCase }: Entry,
  totals: (number | undefined)[],
  messages: number,
): SystemCalls | undefined {
  const calls = totals.flatMap((total) => total ?? []);
  if (messages === 0 || calls.length < totals.length || calls.length === 0) return undefined;
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0) / messages;
  if (testCase.others !== undefined || testCase.kind !== 'one-way') return { total: sum(calls) };
  const producers = sum(calls.slice(1, 1 + (testCase.producers ?? 1)));
  return { producers, consumers: sum(calls) - producers, total: sum(calls) };
}
