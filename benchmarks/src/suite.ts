/** Runs all cases, group by group. */

import { Budget } from './budget.js';
import { caseId, type Entry } from './catalogue.js';
import type { Measurement } from './control.js';
import { encodeHistogram, mergeHistograms } from './histogram.js';
import { kindNamed } from './kinds.js';
import { type Group, isFresh, planOf, roundsOf, runsOf } from './plan.js';
import type { Progress } from './progress.js';
import type { CaseResult, SystemCalls } from './result.js';
import { type Failure, Life, type Outcome, type RunOptions } from './runner.js';
import { SystemCallCounter } from './system-calls.js';
import type { WarmUp } from './warm-up.js';

/** Long enough that what opening and closing takes does not count. */
const STRACE_DURATION = 800;

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

/** A case, its life if it has one, and what was measured of it so far. */
class CaseRecord {
  systemCalls?: SystemCalls;
  private readonly measurements: Measurement[] = [];
  private readonly warmUps: WarmUp[] = [];
  private readonly failures: string[] = [];
  private life: Life | undefined;

  constructor(
    readonly entry: Entry,
    private readonly options: RunOptions,
    private readonly progress: Progress,
  ) {}

  /** Begins a life; whether that succeeded. */
  async begin(): Promise<boolean> {
    const label = `warm-up  ${caseId(this.entry.testCase)}`;
    this.progress.begin(label);
    const life = new Life(this.entry, this.options);
    const warmth = await life.begin();
    if ('failure' in warmth) return this.fail(label, warmth);
    this.life = life;
    if (warmth.warmUp !== undefined) this.warmUps.push(warmth.warmUp);
    return true;
  }

  /** One round, counted from 0, in a new life where there is none, or where the old one has failed. */
  async measure(round: number, rounds: number): Promise<void> {
    const label = `round ${round + 1}/${rounds}  ${caseId(this.entry.testCase)}`;
    this.progress.begin(label);
    if (this.life === undefined && !(await this.begin())) return this.progress.end(label);
    const outcome = (await this.life?.measure()) as Outcome;
    if ('failure' in outcome) {
      this.life = undefined;
      this.fail(label, outcome);
    } else this.measurements[round] = outcome.measurement;
    this.progress.end(`${label}: ${describe(this.entry, outcome)}`);
    if (isFresh(this.entry)) await this.end();
  }

  /** Ends the life, if there is one. */
  async end(): Promise<void> {
    const failure = await this.life?.end();
    this.life = undefined;
    if (failure !== undefined) this.fail(`end  ${caseId(this.entry.testCase)}`, failure);
  }

  result(): CaseResult {
    const { kind, name, ours = false } = this.entry.testCase;
    const measurements = Array.from(this.measurements, (measurement) => measurement);
    const histograms = mergedHistograms(measurements);
    return {
      kind,
      name,
      ours,
      rounds: measurements.map((measurement) => measurement?.metrics ?? null),
      failures: this.failures,
      ...(this.warmUps.length > 0 ? { warmUps: this.warmUps } : {}),
      ...(Object.keys(histograms).length > 0 ? { histograms } : {}),
      ...(this.systemCalls === undefined ? {} : { systemCalls: this.systemCalls }),
    };
  }

  private fail(label: string, { failure }: Failure): false {
    this.failures.push(failure);
    this.progress.note(`${label}: FAILED: ${failure.split('\n')[0]}`);
    return false;
  }
}

/** How many steps `runSuite` has, for its progress. */
export function stepsOf(entries: readonly Entry[], rounds: number, counting: boolean): number {
  return runsOf(planOf(entries, rounds), rounds) + (counting ? entries.filter(isCounted).length : 0);
}

/** How long a run may take, beside what a case takes. */
export interface Extent {
  readonly rounds: number;
  /** Milliseconds: no round begins that would probably end later. The first of each case always does. */
  readonly limit: number;
  /** Count system calls, too. */
  readonly counting: boolean;
}

/** The system calls, if they are to be counted; then the groups, one after another. */
export async function runSuite(
  entries: readonly Entry[],
  { rounds, limit, counting }: Extent,
  options: RunOptions,
  progress: Progress,
): Promise<CaseResult[]> {
  const records = new Map(entries.map((entry) => [entry, new CaseRecord(entry, options, progress)]));
  const began = performance.now();
  if (counting)
    for (const entry of entries.filter(isCounted)) await count(records.get(entry), options, progress);
  const groups = planOf(entries, rounds);
  const budget = new Budget(limit - (performance.now() - began), runsOf(groups, rounds));
  const took = new Map<Entry, number>();
  for (const group of groups) {
    const start = performance.now();
    const estimate = group.entries.reduce((sum, entry) => sum + (took.get(entry) ?? 0), 0);
    if (!budget.beginGroup(runsOf([group], rounds), estimate) && group.firstRound > 0) continue;
    await runGroup(group, rounds, budget, (entry) => records.get(entry) as CaseRecord);
    const each = (performance.now() - start) / group.entries.length;
    for (const entry of group.entries) took.set(entry, each);
  }
  return [...records.values()].map((record) => record.result());
}

/** All live, then all rounds, each of which begins with another case; then all end. */
async function runGroup(
  { entries, firstRound, rounds: own }: Group,
  rounds: number,
  budget: Budget,
  recordOf: (entry: Entry) => CaseRecord,
): Promise<void> {
  for (const entry of entries) if (!isFresh(entry)) await recordOf(entry).begin();
  for (let round = firstRound; round < firstRound + own; round += 1) {
    const goesOn = budget.beginRound();
    if (!goesOn && round > 0) break;
    const first = (round * Math.ceil(entries.length / own)) % entries.length;
    for (const entry of [...entries.slice(first), ...entries.slice(0, first)])
      if (round < roundsOf(entry, rounds)) await recordOf(entry).measure(round, rounds);
    budget.endRound();
  }
  for (const entry of entries) await recordOf(entry).end();
}

/** Those of one way without the variants: each costs another run, under strace. */
function isCounted({ testCase }: Entry): boolean {
  return testCase.kind === 'one-way' && testCase.detail === undefined;
}

/** One more short run under strace. Its rate is not used: strace slows every call. */
async function count(record: CaseRecord | undefined, options: RunOptions, progress: Progress): Promise<void> {
  if (record === undefined) return;
  const label = `system calls a message  ${caseId(record.entry.testCase)}`;
  progress.begin(label);
  progress.end(`${label}: ${await counted(record, options)}`);
}

/** A life of one round. */
async function outcomeOf(life: Life): Promise<Outcome> {
  const warmth = await life.begin();
  if ('failure' in warmth) return warmth;
  const outcome = await life.measure();
  if ('failure' in outcome) return outcome;
  return (await life.end()) ?? outcome;
}

async function counted(record: CaseRecord, options: RunOptions): Promise<string> {
  const counters: SystemCallCounter[] = [];
  const life = new Life(record.entry, {
    ...options,
    nodeOptions: [],
    duration: STRACE_DURATION,
    warmUp: { ...options.warmUp, most: options.warmUp.least },
    async observe(pids) {
      counters.push(...pids.map((pid) => new SystemCallCounter(pid, options.root)));
      await Promise.all(counters.map((counter) => counter.attach()));
    },
  });
  const outcome = await outcomeOf(life);
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
