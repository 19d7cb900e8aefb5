/**
 * Accounting: what was attempted, accepted and received, as sets. Every test that races anything ends here.
 */
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** What one producer did. Its items are numbered 0, 1, 2, …; `accepted` is in the order in which the sends resolved. */
export interface Produced {
  by: string;
  attempted: number;
  accepted: number[];
  /** `ERR_OUTCOME_UNKNOWN`: may have been accepted. */
  unknown: number[];
  /** Timed out, aborted, or `false` from a `try`: certainly not accepted. */
  refused: number[];
  /** Every other failure: how often each, by code. */
  failures: Record<string, number>;
}

/** What one consumer took: `[by, n]` in the order in which its receives were called. */
export interface Consumed {
  who: string;
  received: [by: string, n: number][];
  /** Bodies that were not whole items. */
  broken: string[];
  failures: Record<string, number>;
}

/** Tallies that a killed process cannot take along: one line a fact, written with `write(2)` before going on. */
export class Journal {
  private readonly fd: number;
  constructor(path: string) {
    this.fd = openSync(path, 'a', 0o600);
  }
  note(
    fact: 'attempted' | 'accepted' | 'unknown' | 'refused' | 'received' | 'broken',
    ...details: (string | number)[]
  ): void {
    writeSync(this.fd, `${fact} ${details.join(' ')}\n`);
  }
  close(): void {
    closeSync(this.fd);
  }
}

export function journalPath(folder: string, who: string): string {
  return join(folder, `${who}.journal`);
}

function* facts(path: string): Generator<string[]> {
  const lines = readFileSync(path, 'utf8').split('\n');
  lines.pop();
  for (const line of lines) yield line.split(' ');
}

export function readProduced(path: string, by: string): Produced {
  const produced: Produced = { by, attempted: 0, accepted: [], unknown: [], refused: [], failures: {} };
  for (const [fact, n] of facts(path)) {
    if (fact === 'attempted') produced.attempted = Math.max(produced.attempted, Number(n) + 1);
    else produced[fact as 'accepted' | 'unknown' | 'refused'].push(Number(n));
  }
  return produced;
}

export function readConsumed(path: string, who: string): Consumed {
  const consumed: Consumed = { who, received: [], broken: [], failures: {} };
  for (const [fact, by, n] of facts(path)) {
    if (fact === 'broken') consumed.broken.push(String(by));
    else consumed.received.push([String(by), Number(n)]);
  }
  return consumed;
}

/** The differences that R5, R7, R9, R12, R13 and R25 forbid. */
export interface Balance {
  attempted: number;
  accepted: number;
  received: number;
  /** Accepted and never received. */
  lost: string[];
  /** Received, though never attempted, or though its send was refused. */
  unexpected: string[];
  duplicates: string[];
  /** Received by one consumer after a later message of the same sender. */
  disordered: string[];
  broken: string[];
}

export function balance(produced: readonly Produced[], consumed: readonly Consumed[]): Balance {
  const allowed = new Map(
    produced.map(({ by, attempted, refused }) => [by, { attempted, refused: new Set(refused) }]),
  );
  const seen = new Set<string>();
  const found: Balance = {
    attempted: produced.reduce((sum, { attempted }) => sum + attempted, 0),
    accepted: produced.reduce((sum, { accepted }) => sum + accepted.length, 0),
    received: consumed.reduce((sum, { received }) => sum + received.length, 0),
    lost: [],
    unexpected: [],
    duplicates: [],
    disordered: [],
    broken: consumed.flatMap(({ who, broken }) => broken.map((body) => `${who} got ${body}`)),
  };
  for (const { who, received } of consumed) {
    const last = new Map<string, number>();
    for (const [by, n] of received) {
      const id = `${by}:${n}`;
      const sender = allowed.get(by);
      if (sender === undefined || n >= sender.attempted || sender.refused.has(n)) found.unexpected.push(id);
      if (seen.has(id)) found.duplicates.push(id);
      if (n < (last.get(by) ?? -1)) found.disordered.push(`${id} at ${who}, after ${last.get(by)}`);
      seen.add(id);
      last.set(by, n);
    }
  }
  for (const { by, accepted } of produced)
    for (const n of accepted) if (!seen.has(`${by}:${n}`)) found.lost.push(`${by}:${n}`);
  return found;
}

function few(items: readonly string[]): string {
  return items.length <= 6 ? items.join(', ') : `${items.slice(0, 6).join(', ')}, … (${items.length})`;
}

/** Throws unless nothing is unexpected, twice, broken or (unless `order` is false) out of order, and at most `mayLose` lost. */
export function assertBalanced(
  found: Balance,
  { mayLose = 0, order = true }: { mayLose?: number; order?: boolean } = {},
): void {
  assert.equal(few(found.broken), '', 'bodies that did not arrive whole');
  assert.equal(few(found.unexpected), '', 'received, though never attempted or refused');
  assert.equal(few(found.duplicates), '', 'received twice');
  if (order) assert.equal(few(found.disordered), '', 'received out of order');
  if (found.lost.length > mayLose)
    assert.equal(few(found.lost), '', `accepted and never received (${mayLose} may be)`);
}

/** Throws when a loop met a failure that is not in `expected`. */
export function assertNoFailures(
  reports: readonly (Produced | Consumed)[],
  expected: readonly string[] = [],
): void {
  for (const report of reports)
    for (const [code, count] of Object.entries(report.failures))
      assert.ok(
        expected.includes(code),
        `${'by' in report ? report.by : report.who} failed ${count} times with ${code}`,
      );
}
