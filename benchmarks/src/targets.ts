/** How what we promise ourselves came out. A missed target is reported, not a failure: the figure is what matters. */

import { type Point, type Target, targets } from './promises.js';
import { type CaseResult, findCase, ratioOf, summaryOf } from './result.js';

/** How a target came out. */
export interface TargetResult {
  readonly label: string;
  /** `≥ 8×`. */
  readonly target: string;
  /** The median, and the spread of the rounds; absent when the cases were not run. */
  readonly value?: number;
  readonly low?: number;
  readonly high?: number;
  /** `9.3×`, or `not measured`. */
  readonly text: string;
  readonly reached?: boolean;
}

interface Measured {
  readonly median: number;
  readonly low?: number;
  readonly high?: number;
}

function measured(target: Target, cases: readonly CaseResult[]): Measured | undefined {
  const result = findCase(cases, target.of.kind, target.of.name);
  if (result === undefined) return undefined;
  const of = { result, metric: target.of.metric };
  if (!('against' in target)) {
    if (of.metric !== 'systemCalls') return summaryOf(result, of.metric);
    return result.systemCalls === undefined ? undefined : { median: result.systemCalls.total };
  }
  const points: readonly Point[] = 'kind' in target.against ? [target.against] : target.against;
  const ratios = points.flatMap(({ kind, name, metric }) => {
    const against = findCase(cases, kind, name);
    return (against && ratioOf(of, { result: against, metric })) ?? [];
  });
  if (ratios.length < points.length) return undefined;
  // The best peer has the smallest latency, so the greatest ratio.
  return ratios.sort((a, b) => b.median - a.median)[0];
}

function evaluate(target: Target, cases: readonly CaseResult[]): TargetResult {
  const { label, atLeast, atMost } = target;
  const [unit, digits] = 'against' in target ? ['×', undefined] : [target.unit, target.digits];
  const bound = atLeast === undefined ? `≤ ${atMost}${unit}` : `≥ ${atLeast}${unit}`;
  const value = measured(target, cases);
  if (value === undefined) return { label, target: bound, text: 'not measured' };
  const { median, low, high } = value;
  return {
    label,
    target: bound,
    value: median,
    ...(low === undefined ? {} : { low }),
    ...(high === undefined ? {} : { high }),
    text: `${median.toFixed(digits ?? (median < 1 ? 3 : 2))}${unit}`,
    reached: atLeast === undefined ? median <= (atMost ?? 0) : median >= atLeast,
  };
}

/** All targets against these results. */
export function evaluateTargets(cases: readonly CaseResult[]): TargetResult[] {
  return targets.map((target) => evaluate(target, cases));
}
