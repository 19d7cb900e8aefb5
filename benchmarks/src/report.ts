/** The tables a person reads, and the document a program reads. */

import Table from 'cli-table3';
import { caseId } from './catalogue.js';
import type { AnyKind } from './kinds.js';
import { allKinds } from './kinds.js';
import { type Machine, machineLine } from './machine.js';
import { type CaseResult, ratioOf, summaryOf } from './suite.js';
import { type TargetResult, targetLine } from './targets.js';

const MISSING = '–';

function number(value: number | undefined, scale: number, digits: number): string {
  return value === undefined ? MISSING : (value * scale).toFixed(digits);
}

function spread(kind: AnyKind, result: CaseResult): string {
  const info = kind.metrics.find((metric) => metric.key === kind.compared);
  const summary = summaryOf(result, kind.compared);
  if (info === undefined || summary === undefined) return MISSING;
  return `${number(summary.low, info.scale, info.digits)}–${number(summary.high, info.scale, info.digits)}`;
}

/** "How many times better than the peer", whichever direction is better. */
function advantage(kind: AnyKind, result: CaseResult, peer: CaseResult | undefined): string {
  if (peer === undefined) return MISSING;
  const ratio = kind.moreIsBetter
    ? ratioOf(result, peer, kind.compared)
    : ratioOf(peer, result, kind.compared);
  return ratio === undefined
    ? MISSING
    : `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)})`;
}

function systemCalls(result: CaseResult): string {
  const calls = result.systemCalls;
  return calls === undefined ? MISSING : `${calls.second.toFixed(3)} + ${calls.lead.toFixed(3)}`;
}

function row(kind: AnyKind, result: CaseResult, peer: CaseResult | undefined): string[] {
  const name = result.entry.testCase.name;
  const cells = kind.metrics.map(({ key, scale, digits }) =>
    number(summaryOf(result, key)?.median, scale, digits),
  );
  const failed = result.failures.length > 0 ? ` (${result.failures.length} FAILED)` : '';
  const ratio = kind.peer === undefined ? [] : [advantage(kind, result, peer)];
  const calls = kind.name === 'one-way' ? [systemCalls(result)] : [];
  return [name + failed, ...cells, spread(kind, result), ...ratio, ...calls];
}

function headings(kind: AnyKind): string[] {
  const compared = kind.metrics.find((metric) => metric.key === kind.compared)?.heading ?? '';
  const ratio = kind.peer === undefined ? [] : [`× better than\n${kind.peer}`];
  const calls = kind.name === 'one-way' ? ['system calls a message,\nproducer + consumer'] : [];
  return [
    'case',
    ...kind.metrics.map((metric) => metric.heading.replace(', ', ',\n')),
    `spread\n${compared}`,
    ...ratio,
    ...calls,
  ];
}

function table(kind: AnyKind, results: readonly CaseResult[]): string {
  const peer = results.find((result) => result.entry.testCase.name === kind.peer);
  const columns = headings(kind);
  const grid = new Table({
    head: columns,
    colAligns: columns.map((_heading, index) => (index === 0 ? 'left' : 'right')),
    style: { head: [], border: [] },
  });
  for (const result of results) grid.push(row(kind, result, peer));
  return `${kind.title} (medians)\n${grid.toString()}`;
}

/** Each different failure of a case once, with the number of rounds that it cost. */
function failureLines({ entry, failures }: CaseResult): string[] {
  return [...new Set(failures)].map((failure) => {
    const times = failures.filter((other) => other === failure).length;
    return `FAILED ${caseId(entry.testCase)} (${times}×): ${failure}`;
  });
}

/** Everything a report says. */
export interface Findings {
  readonly machine: Machine;
  readonly rounds: number;
  readonly warmup: number;
  readonly duration: number;
  readonly results: readonly CaseResult[];
  readonly targets: readonly TargetResult[];
  /** Why system calls were not counted, when they were not. */
  readonly withoutSystemCalls: string | undefined;
}

/** The report as text. */
export function renderText(findings: Findings): string {
  const { machine, results, targets, withoutSystemCalls } = findings;
  const tables = allKinds.flatMap((kind) => {
    const own = results.filter((result) => result.entry.testCase.kind === kind.name);
    return own.length > 0 ? [table(kind, own)] : [];
  });
  const failures = results.flatMap(failureLines);
  const remarks = withoutSystemCalls === undefined ? [] : [`system calls not counted: ${withoutSystemCalls}`];
  return [machineLine(machine), ...tables, ...remarks, ...targets.map(targetLine), ...failures].join('\n');
}

/** The report as data: every round's figures, their medians and spreads, and the targets. */
export function renderJson(findings: Findings): string {
  const cases = findings.results.map((result) => {
    const { kind, name } = result.entry.testCase;
    const keys = new Set(result.rounds.flatMap((metrics) => Object.keys(metrics ?? {})));
    const summary = Object.fromEntries([...keys].map((key) => [key, summaryOf(result, key)]));
    const { rounds, failures, systemCalls: calls } = result;
    return {
      kind,
      name,
      summary,
      rounds,
      failures,
      ...(calls === undefined ? {} : { systemCallsPerMessage: calls }),
    };
  });
  const { machine, rounds, warmup, duration, targets } = findings;
  return `${JSON.stringify({ machine, rounds, warmup, duration, cases, targets }, null, 2)}\n`;
}
