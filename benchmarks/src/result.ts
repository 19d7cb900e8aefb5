/** What a run found, as it stands in the result file; reports are made from it, also later. */

import type { KindName } from './contender.js';
import type { Metrics } from './control.js';
import type { Machine } from './machine.js';
import { type Summary, summarise } from './statistics.js';
import type { TargetResult } from './targets.js';
import type { WarmUp, WarmUpRule } from './warm-up.js';

/** Changes when an older file cannot be read any more. */
export const FORMAT = 1;

/** System calls a message. `total` alone where the sides are not processes of their own. */
export interface SystemCalls {
  readonly producers?: number;
  readonly consumers?: number;
  readonly total: number;
}

/** What is known of one case. */
export interface CaseResult {
  readonly kind: KindName;
  readonly name: string;
  readonly ours: boolean;
  /** One element a round, in order; `null` where that round failed or left the case out. */
  readonly rounds: (Metrics | null)[];
  readonly failures: string[];
  /** One element a life; absent where nothing can be warm, and in older results. */
  readonly warmUps?: readonly WarmUp[];
  /** Nanoseconds, all rounds together, encoded by `histogram.ts`. */
  readonly histograms?: Record<string, string>;
  readonly systemCalls?: SystemCalls;
}

/** A whole run. */
export interface Result {
  readonly format: typeof FORMAT;
  /** What measures the same again. */
  readonly command: string;
  /** When it began, as an ISO 8601 time. */
  readonly started: string;
  /** What it took. */
  readonly seconds: number;
  readonly machine: Machine;
  readonly quick: boolean;
  /** Some cases were chosen. */
  readonly partial: boolean;
  readonly rounds: number;
  /** The rule; in older results, the milliseconds that each round began with. */
  readonly warmup: WarmUpRule | number;
  /** Milliseconds at the start of each measuring that do not count; absent in older results. */
  readonly runUp?: number;
  /** Milliseconds of measuring that count. */
  readonly duration: number;
  readonly cases: readonly CaseResult[];
  readonly targets: readonly TargetResult[];
  /** Contenders that could not run here, and why; and system calls, when they were not counted. */
  readonly absent: readonly string[];
}

/** Reads a result file's text; throws when it is none. */
export function parseResult(text: string, path: string): Result {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is no result of these benchmarks: ${String(error)}`);
  }
  const { format } = (value ?? {}) as { format?: unknown };
  if (format !== FORMAT)
    throw new Error(
      `${path} is no result of these benchmarks: its format is ${String(format)}, not ${FORMAT}`,
    );
  return value as Result;
}

/** The case of that kind and name. */
export function findCase(cases: readonly CaseResult[], kind: KindName, name: string): CaseResult | undefined {
  return cases.find((candidate) => candidate.kind === kind && candidate.name === name);
}

/** One figure of the rounds that have it. */
export function valuesOf(result: CaseResult, metric: string): number[] {
  return result.rounds.flatMap((metrics) => metrics?.[metric] ?? []);
}

/** Median and spread of one figure over the rounds that succeeded. */
export function summaryOf(result: CaseResult, metric: string): Summary | undefined {
  const values = valuesOf(result, metric);
  return values.length > 0 ? summarise(values) : undefined;
}

/** A case, and which of its figures. */
export interface Figure {
  readonly result: CaseResult;
  readonly metric: string;
}

/** How often `of` has `against`'s figure, round by round: pairs of one round share that minute's noise. */
export function ratioOf(of: Figure, against: Figure): Summary | undefined {
  const ratios = of.result.rounds.flatMap((metrics, round) => {
    const ours = metrics?.[of.metric];
    const theirs = against.result.rounds[round]?.[against.metric];
    return ours === undefined || theirs === undefined || theirs === 0 ? [] : [ours / theirs];
  });
  return ratios.length > 0 ? summarise(ratios) : undefined;
}
