/** Results as a run would give them. */

import type { KindName } from '../src/contender.js';
import { type CaseResult, FORMAT, type Result } from '../src/result.js';

/** A case with this figure in each round. */
export function caseWith(
  kind: KindName,
  name: string,
  metric: string,
  values: readonly number[],
  ours = false,
): CaseResult {
  return { kind, name, ours, rounds: values.map((value) => ({ [metric]: value })), failures: [] };
}

export function resultWith(cases: readonly CaseResult[]): Result {
  return {
    format: FORMAT,
    command: 'npm run bench',
    started: '2026-01-02T03:04:05.000Z',
    seconds: 600,
    machine: {
      cpu: 'a <processor>',
      cores: 2,
      memoryGiB: 8,
      kernel: 'Linux 6',
      node: 'v20.0.0',
      loadBefore: 0,
    },
    quick: false,
    partial: false,
    rounds: 5,
    warmup: { window: 250, least: 1_000, most: 4_000, last: 3, tolerance: 0.05 },
    runUp: 50,
    duration: 500,
    cases,
    targets: [{ label: 'one / other', target: '≥ 2×', value: 3, text: '3.00×', reached: true }],
    absent: ['nats: no server'],
  };
}
