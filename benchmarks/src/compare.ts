/**
 * Whether a case of ours has become slower than in an earlier result, beyond what noise explains.
 *
 * Two runs differ for reasons that are not ours: the machine is busier, hotter, or another one. So the change of each case is
 * first divided by the machine's: the median change of the cases that are not ours (peers, floors, ceilings), whose code is the same in
 * both runs, of the same kind where there are enough of them, else of all. (Not so for bytes, which no machine makes more.) What is left counts when it exceeds the noise, which is the
 * greatest of
 *
 * - a tenth;
 * - three standard errors of the difference of the two medians, from how far the rounds of both runs lie apart (the median
 *   absolute deviation, which one bad round does not spoil);
 * - twice the spread of the cases that are not ours around their own median change: what is left between two runs where nothing changed.
 */

import type { KindName } from './contender.js';
import { type AnyKind, allKinds } from './kinds.js';
import { type CaseResult, findCase, type Result, valuesOf } from './result.js';
import { median } from './statistics.js';
import { ruleText } from './warm-up.js';

const LEAST_NOISE = Math.log(1.1);
const STANDARD_ERRORS = 3;
const SPREADS = 2;
/** Median absolute deviations to one standard deviation of a normal distribution. */
const MAD_TO_SIGMA = 1.4826;
/** Standard error of a median, over that of a mean. */
const MEDIAN_TO_MEAN = 1.2533;
/** Fewer than this say nothing of a kind's own change. */
const ENOUGH = 4;
/** Fewer rounds than this say nothing of noise. */
const LEAST_ROUNDS = 3;

/** How one case came out. Factors above 1 are slower. */
export interface Comparison {
  readonly kind: KindName;
  readonly name: string;
  /** Median of the new run over that of the old one, as a cost, the machine's own change taken out. */
  readonly slower: number;
  /** A change up to this factor is noise. */
  readonly noise: number;
  readonly verdict: 'slower' | 'faster' | 'same';
}

/** A comparison of two results. */
export interface Verdict {
  readonly comparisons: readonly Comparison[];
  /** How much slower the machine was the second time. */
  readonly machine: number;
  readonly regressed: boolean;
  /** Why the two can hardly be compared, if so. */
  readonly doubts: readonly string[];
  /** Why they are not: they were measured in other ways. */
  readonly refusal?: string;
}

interface Change {
  readonly now: CaseResult;
  readonly kind: AnyKind;
  /** Logarithm of the change of cost: above 0 is slower. */
  readonly change: number;
  /** Standard error of `change`, from the rounds. */
  readonly error: number;
}

/** Standard error of the logarithm of the median. */
function errorOf(values: readonly number[]): number {
  const logs = values.map(Math.log);
  const middle = median(logs);
  const deviation = median(logs.map((value) => Math.abs(value - middle))) * MAD_TO_SIGMA;
  return (deviation * MEDIAN_TO_MEAN) / Math.sqrt(values.length);
}

function changeOf(kind: AnyKind, before: CaseResult, now: CaseResult): Change | undefined {
  const [old, fresh] = [before, now].map((result) =>
    valuesOf(result, kind.compared).filter((value) => value > 0),
  );
  if (old === undefined || fresh === undefined) return undefined;
  if (Math.min(old.length, fresh.length) < LEAST_ROUNDS) return undefined;
  const grown = Math.log(median(fresh) / median(old));
  return {
    now,
    kind,
    change: kind.moreIsBetter ? -grown : grown,
    error: Math.hypot(errorOf(old), errorOf(fresh)),
  };
}

function changesBetween(before: Result, now: Result): Change[] {
  return now.cases.flatMap((result) => {
    const kind = allKinds.find(({ name }) => name === result.kind);
    const old = findCase(before.cases, result.kind, result.name);
    return (kind && old && changeOf(kind, old, result)) ?? [];
  });
}

/** The machine's change, and how far the cases that show it lie apart. */
interface Drift {
  readonly change: number;
  readonly spread: number;
}

const NO_DRIFT: Drift = { change: 0, spread: 0 };

function driftOf(controls: readonly Change[]): Drift {
  if (controls.length === 0) return NO_DRIFT;
  const change = median(controls.map((control) => control.change));
  const spread = median(controls.map((control) => Math.abs(control.change - change))) * MAD_TO_SIGMA;
  return { change, spread };
}

function judge(change: Change, drift: Drift): Comparison {
  const noise = Math.max(LEAST_NOISE, STANDARD_ERRORS * change.error, SPREADS * drift.spread);
  const own = change.change - drift.change;
  return {
    kind: change.now.kind,
    name: change.now.name,
    slower: Math.exp(own),
    noise: Math.exp(noise),
    verdict: own > noise ? 'slower' : own < -noise ? 'faster' : 'same',
  };
}

function doubtsAbout(before: Result, now: Result, compared: number): string[] {
  const doubts: string[] = [];
  if (before.machine.cpu !== now.machine.cpu || before.machine.cores !== now.machine.cores)
    doubts.push(`other machine: ${before.machine.cpu}, ${before.machine.cores} cores`);
  if (before.machine.node !== now.machine.node) doubts.push(`other Node.js: ${before.machine.node}`);
  if (compared === 0)
    doubts.push(
      `no case of ours is in both with at least ${LEAST_ROUNDS} rounds, which is what noise is judged by`,
    );
  return doubts;
}

function timesOf({ warmup, runUp = 0, duration }: Result): string {
  return `${ruleText(warmup)}; ${runUp} + ${duration} ms of measuring`;
}

/** Figures of code that is not as warm, or of a shorter time, are other figures. */
function refusalOf(before: Result, now: Result): string | undefined {
  const [old, fresh] = [timesOf(before), timesOf(now)];
  return old === fresh ? undefined : `that result was measured otherwise: ${old}; this one: ${fresh}`;
}

/** Compares a result with an earlier one; not where their times differ. */
export function compare(before: Result, now: Result): Verdict {
  const refusal = refusalOf(before, now);
  if (refusal !== undefined) return { comparisons: [], machine: 1, regressed: false, doubts: [], refusal };
  const changes = changesBetween(before, now);
  const controls = changes.filter(({ now: { ours } }) => !ours);
  const all = driftOf(controls);
  const comparisons = changes
    .filter(({ now: { ours } }) => ours)
    .map((change) => {
      if (change.kind.steady) return judge(change, NO_DRIFT);
      const own = controls.filter(({ kind }) => kind === change.kind);
      return judge(change, own.length >= ENOUGH ? driftOf(own) : all);
    });
  return {
    comparisons,
    machine: Math.exp(all.change),
    regressed: comparisons.some(({ verdict }) => verdict === 'slower'),
    doubts: doubtsAbout(before, now, comparisons.length),
  };
}

function percent(factor: number): string {
  const change = (factor - 1) * 100;
  return `${change < 0 ? '−' : '+'}${Math.abs(change).toFixed(0)} %`;
}

/** The comparison as text: what changed, what it is judged by. */
export function comparisonText({ comparisons, machine, doubts, regressed, refusal }: Verdict): string {
  if (refusal !== undefined) return `NOT COMPARED: ${refusal}`;
  const changed = comparisons
    .filter(({ verdict }) => verdict !== 'same')
    .sort((a, b) => b.slower - a.slower)
    .map(
      ({ verdict, kind, name, slower, noise }) =>
        `${verdict.toUpperCase()} ${kind}/${name}: cost ${percent(slower)}, noise up to ${percent(noise)}`,
    );
  return [
    `Compared: ${comparisons.length} cases of ours; the machine itself: cost ${percent(machine)} by the cases that are not ours, taken out`,
    ...doubts.map((doubt) => `doubtful: ${doubt}`),
    ...changed,
    regressed ? 'REGRESSION beyond the noise' : 'no regression beyond the noise',
  ].join('\n');
}
