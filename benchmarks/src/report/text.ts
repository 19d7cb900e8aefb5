/** The tables that a person reads at the end of a run. */

import Table from 'cli-table3';
import { caseId } from '../catalogue.js';
import { type AnyKind, allKinds } from '../kinds.js';
import { machineLine } from '../machine.js';
import { type CaseResult, findCase, type Result, ratioOf, summaryOf } from '../result.js';
import { summarise } from '../statistics.js';
import type { TargetResult } from '../targets.js';
import { ruleText, type WarmUp } from '../warm-up.js';

export const MISSING = '–';
/** Cases that one line names. */
const MOST_NAMED = 8;

/** A figure as its kind shows it. */
export function numberText(value: number | undefined, scale: number, digits: number): string {
  return value === undefined ? MISSING : (value * scale).toFixed(digits);
}

/** Lowest and highest of the rounds of what is compared. */
export function spreadText(kind: AnyKind, result: CaseResult): string {
  const info = kind.metrics.find((metric) => metric.key === kind.compared);
  const summary = summaryOf(result, kind.compared);
  if (info === undefined || summary === undefined) return MISSING;
  return `${numberText(summary.low, info.scale, info.digits)}–${numberText(summary.high, info.scale, info.digits)}`;
}

/** "How many times better than the peer", whichever direction is better. */
export function advantageText(kind: AnyKind, result: CaseResult, peer: CaseResult | undefined): string {
  if (peer === undefined) return MISSING;
  const [own, other] = [result, peer].map((of) => ({ result: of, metric: kind.compared }));
  if (own === undefined || other === undefined) return MISSING;
  const ratio = kind.moreIsBetter ? ratioOf(own, other) : ratioOf(other, own);
  return ratio === undefined
    ? MISSING
    : `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)})`;
}

/** Of producers and consumers, or in all. */
export function systemCallsText({ systemCalls: calls }: CaseResult): string {
  if (calls === undefined) return MISSING;
  if (calls.producers === undefined || calls.consumers === undefined) return calls.total.toFixed(3);
  return `${calls.producers.toFixed(3)} + ${calls.consumers.toFixed(3)}`;
}

/** A kind's table as rows of text, headings first. */
export function rowsOf(kind: AnyKind, results: readonly CaseResult[]): string[][] {
  const peer = kind.peer === undefined ? undefined : findCase(results, kind.name, kind.peer);
  const info = kind.metrics.find((metric) => metric.key === kind.compared);
  const counted = kind.name === 'one-way';
  const headings = [
    'case',
    ...kind.metrics.map((metric) => metric.heading),
    `spread, ${info?.heading ?? ''}`,
    ...(peer === undefined ? [] : [`× better than ${kind.peer}`]),
    ...(counted ? ['system calls a message, producers + consumers'] : []),
  ];
  const rows = results.map((result) => [
    result.name + (result.failures.length > 0 ? ` (${result.failures.length} FAILED)` : ''),
    ...kind.metrics.map(({ key, scale, digits }) =>
      numberText(summaryOf(result, key)?.median, scale, digits),
    ),
    spreadText(kind, result),
    ...(peer === undefined ? [] : [advantageText(kind, result, peer)]),
    ...(counted ? [systemCallsText(result)] : []),
  ]);
  return [headings, ...rows];
}

function grid(rows: readonly string[][]): string {
  const [head = [], ...rest] = rows;
  const table = new Table({
    head: head.map((heading) => heading.replace(', ', ',\n').replace(' than ', ' than\n')),
    colAligns: head.map((_heading, index) => (index === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  });
  table.push(...rest);
  return table.toString();
}

/** `reached`, `missed` or nothing. */
export function verdictText({ reached }: TargetResult): string {
  if (reached === undefined) return MISSING;
  return reached ? 'reached' : 'missed';
}

function threeDigits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** How often, and for how long, everything was measured. */
export function methodText({ rounds, warmup, runUp = 0, duration }: Result): string {
  return `${rounds} rounds (variants fewer); ${ruleText(warmup)}; in each round ${runUp} ms to get going, ${duration} ms of measuring`;
}

/** How each case became warm, as rows of text, headings first; each life in its order. None for results without. */
export function warmUpRows(cases: readonly CaseResult[]): string[][] {
  const warmed = cases.flatMap((result) => {
    const { warmUps = [] } = result;
    if (warmUps.length === 0) return [];
    const gained = ({ rates }: WarmUp): number => Math.max(...rates) / (rates[0] ?? Number.NaN);
    const list = (text: (warmUp: WarmUp) => string): string => warmUps.map(text).join(', ');
    return [
      [
        caseId(result),
        list(({ milliseconds }) => (milliseconds / 1000).toFixed(1)),
        list((warmUp) => gained(warmUp).toFixed(2)),
        list(({ settled }) => (settled ? 'yes' : 'no')),
      ],
    ];
  });
  if (warmed.length === 0) return [];
  return [['case', 'seconds to be warm', 'best window over the first', 'settled'], ...warmed];
}

/** The first of them, and how many more. */
function listed(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  return names.slice(0, MOST_NAMED).join('; ') + (more > 0 ? `; and ${more} more` : '');
}

/** What the warm-ups took, and which cases were still getting faster when their time was over. */
export function warmUpText(cases: readonly CaseResult[]): string[] {
  const all = cases.flatMap(({ warmUps = [] }) => warmUps);
  if (all.length === 0) return [];
  const times = summarise(all.map(({ milliseconds }) => milliseconds / 1000));
  const unsettled = cases.filter(({ warmUps = [] }) => warmUps.some(({ settled }) => !settled)).map(caseId);
  return [
    `warm after ${times.median.toFixed(1)} s (${times.low.toFixed(1)}–${times.high.toFixed(1)})`,
    ...(unsettled.length > 0
      ? [`still getting faster when the time to warm up was over: ${listed(unsettled)}`]
      : []),
  ];
}

/** The targets' table as rows of text, headings first. */
export function targetRows(targets: readonly TargetResult[]): string[][] {
  return [
    ['ratio or figure', 'target', 'measured', 'rounds', ''],
    ...targets.map((target) => [
      target.label,
      target.target,
      target.text,
      target.low === undefined || target.high === undefined
        ? MISSING
        : `${threeDigits(target.low)}–${threeDigits(target.high)}`,
      verdictText(target),
    ]),
  ];
}

/** Each different failure of a case once, with the number of rounds that it cost. */
function failureLines(result: CaseResult): string[] {
  return [...new Set(result.failures)].map((failure) => {
    const times = result.failures.filter((other) => other === failure).length;
    return `FAILED ${caseId(result)} (${times}×): ${failure}`;
  });
}

/** The report as text. */
export function renderText({ machine, cases, targets, absent, partial }: Result): string {
  const tables = allKinds.flatMap((kind) => {
    const own = cases.filter((result) => result.kind === kind.name);
    return own.length > 0 ? [`${kind.title} (medians)\n${grid(rowsOf(kind, own))}`] : [];
  });
  const shown = targets.filter(({ value }) => value !== undefined || !partial);
  return [
    machineLine(machine),
    ...tables,
    ...(shown.length > 0 ? [`Ratios and targets (medians)\n${grid(targetRows(shown))}`] : []),
    ...warmUpText(cases),
    ...absent.map((reason) => `not measured: ${reason}`),
    ...cases.flatMap(failureLines),
  ].join('\n');
}
