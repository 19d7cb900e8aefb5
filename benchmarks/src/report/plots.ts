/** What the plots of a report show, as plain data. */

import type { KindName } from '../contender.js';
import { curveOf, mergeHistograms } from '../histogram.js';
import { RATES } from '../kinds/open-loop.js';
import { rateKey, sizesOf } from '../kinds/sizes.js';
import { type CaseResult, type Result, summaryOf } from '../result.js';

/** One line. */
export interface Series {
  readonly label: string;
  readonly ours: boolean;
  /** Aligned with the plot's `x`; `null` where there is no value. */
  readonly y: (number | null)[];
}

/** One plot, both axes logarithmic. */
export interface Plot {
  readonly title: string;
  /** What the numbers of x are: one in so many messages is slower, or bytes. */
  readonly x: { readonly values: number[]; readonly means: 'one in' | 'bytes' };
  readonly unit: string;
  readonly series: readonly Series[];
}

/** Lines of different lengths over the longest one's x. */
function aligned(lines: readonly { label: string; ours: boolean; x: number[]; y: number[] }[]) {
  const values = lines.reduce<number[]>((longest, { x }) => (x.length > longest.length ? x : longest), []);
  const series = lines.map(
    ({ label, ours, y }): Series => ({ label, ours, y: values.map((_x, at) => y[at] ?? null) }),
  );
  return { values, series };
}

/** The distribution of a case's latencies: x is how rare the slower ones are, y the latency. */
function latencyPlot(title: string, cases: readonly CaseResult[], histogram: string): Plot[] {
  const lines = cases.flatMap(({ name, ours, histograms }) => {
    const text = histograms?.[histogram];
    if (text === undefined) return [];
    const { percent, microseconds } = curveOf(mergeHistograms([text]));
    return [{ label: name, ours, x: percent.map((share) => 100 / (100 - share)), y: microseconds }];
  });
  const { values, series } = aligned(lines);
  return series.length === 0 ? [] : [{ title, x: { values, means: 'one in' }, unit: 'µs', series }];
}

function sizePlot(
  title: string,
  unit: string,
  cases: readonly CaseResult[],
  scale: (size: number) => number,
): Plot[] {
  const values = [
    ...new Set(cases.flatMap(({ rounds }) => rounds.flatMap((metrics) => sizesOf(metrics ?? {})))),
  ];
  values.sort((a, b) => a - b);
  const series = cases.map((result): Series => {
    const y = values.map((size) => {
      const median = summaryOf(result, rateKey(size))?.median;
      return median === undefined ? null : median * scale(size);
    });
    return { label: result.name, ours: result.ours, y };
  });
  return series.length === 0 ? [] : [{ title, x: { values, means: 'bytes' }, unit, series }];
}

/** All plots that this result has figures for. */
export function plotsOf({ cases }: Result): Plot[] {
  const of = (...kinds: KindName[]): CaseResult[] => cases.filter(({ kind }) => kinds.includes(kind));
  return [
    ...latencyPlot('Round trip: order object and 64 B', of('round-trip'), 'round trip'),
    ...latencyPlot('Round trip in C, 64 B: the floor', of('floor'), 'round trip'),
    ...RATES.flatMap((rate) =>
      latencyPlot(
        `From the intended send to the receipt, ${rate.toLocaleString('en')} orders a second`,
        of('open-loop'),
        String(rate),
      ),
    ),
    ...sizePlot('Messages a second by size', 'messages/s', of('sizes'), () => 1),
    ...sizePlot('Bytes a second by size', 'MB/s', of('sizes'), (size) => size / 1e6),
  ];
}
