/** Latencies, in nanoseconds, in HdrHistograms: three significant digits from 1 ns to a minute. */

import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';
import type { Metrics } from './control.js';

const LONGEST_NANOSECONDS = 60e9;
const SIGNIFICANT_DIGITS = 3;

/** An empty one. */
export function emptyHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_NANOSECONDS,
    numberOfSignificantValueDigits: SIGNIFICANT_DIGITS,
  });
}

/** Records a time; what is below a nanosecond or above a minute counts as that. */
export function record(histogram: Histogram, milliseconds: number): void {
  histogram.recordValue(Math.min(LONGEST_NANOSECONDS, Math.max(1, Math.round(milliseconds * 1e6))));
}

/** As text, for a result file. */
export function encodeHistogram(histogram: Histogram): string {
  return encodeIntoCompressedBase64(histogram);
}

/** All values of several, as if one histogram had recorded them. */
export function mergeHistograms(encoded: readonly string[]): Histogram {
  const merged = emptyHistogram();
  for (const text of encoded) merged.add(decodeFromCompressedBase64(text));
  return merged;
}

/** p50, p99, p99.9 and the greatest, in microseconds, and how many there were. */
export function percentiles(histogram: Histogram): Metrics {
  return {
    p50: histogram.getValueAtPercentile(50) / 1000,
    p99: histogram.getValueAtPercentile(99) / 1000,
    p999: histogram.getValueAtPercentile(99.9) / 1000,
    max: histogram.maxValue / 1000,
    messages: histogram.totalCount,
  };
}

/** Points of the distribution: microseconds, and which share of the values are at most that, in percent. */
export interface Curve {
  readonly microseconds: number[];
  readonly percent: number[];
}

const PER_DECADE = 12;
const DECADES = 4;

/** Ever finer towards the end: a dozen points from 0 to 90 %, a dozen from 90 to 99 %, and so on, as far as there are values. */
export function curveOf(histogram: Histogram): Curve {
  const percent: number[] = [];
  for (let step = 0; step <= PER_DECADE * DECADES; step += 1) {
    const rest = 10 ** (-step / PER_DECADE);
    if (rest * histogram.totalCount < 1) break;
    percent.push(100 * (1 - rest));
  }
  return { percent, microseconds: percent.map((at) => histogram.getValueAtPercentile(at) / 1000) };
}
