import Table from 'cli-table3';
import type { Account } from './account.js';
import type { DelayRow } from './messages.js';
import { formatRanges } from './sequence-set.js';
import type { RunSettings } from './settings.js';
import { meanDelay } from './tally.js';

/** Rows at each end of a table. */
const SHOWN = 5;

/** No rules between rows. */
const COMPACT = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };

/** Means over fewer flights than this part of all say little: such rows are not ranked. */
const ROUTE_SHARE = 1 / 1000;
const AIRPORT_SHARE = 1 / 200;

/** Writes the result to standard output: tables and an account, or one JSON document. */
export function printResult(account: Account, settings: RunSettings): void {
  const text = settings.output === 'json' ? asJson(account, settings) : asText(account, settings);
  process.stdout.write(`${text}\n`);
}

function asJson({ summary, ...account }: Account, { setup }: RunSettings): string {
  const routes = rank(summary.routes, account.counted * ROUTE_SHARE);
  const airports = rank(summary.airports, account.counted * AIRPORT_SHARE);
  return JSON.stringify({ setup, ...account, routes, airports });
}

function asText(account: Account, { setup }: RunSettings): string {
  const { summary, counted } = account;
  return [
    table('Routes', summary.routes, counted * ROUTE_SHARE),
    table('Airports of departure', summary.airports, counted * AIRPORT_SHARE),
    ...describeFlights(account),
    ...describeSpeed(account),
    `setup: ${Object.entries(setup)
      .map(([key, value]) => `${key} ${value}`)
      .join(', ')}`,
    `equal to the single-process computation: ${describeEquality(account)}`,
  ].join('\n');
}

function describeFlights(account: Account): string[] {
  const shares = Object.entries(account.byEnricher).map(([name, flights]) => `${name} ${flights}`);
  const lines = [
    `flights: ${account.attempted} attempted, ${account.accepted} accepted, ${account.counted} counted, ` +
      `${account.lost.length} lost, ${account.duplicates.length} duplicates (${shares.join(', ')})`,
  ];
  if (account.unsent > 0) lines.push(`not sent, as no enricher was left: ${account.unsent}`);
  if (account.down.length > 0) lines.push(`died: ${account.down.join(', ')}`);
  if (account.unknown > 0) {
    const lost = account.unknown - account.unknownCounted;
    lines.push(
      `outcome unknown: ${account.unknown}, of which ${account.unknownCounted} counted, ${lost} lost`,
    );
  }
  if (account.rejected > 0) lines.push(`rejected: ${account.rejected} (first: ${account.firstRejection})`);
  for (const { mailbox, host, lost } of account.losses) {
    lines.push(`mailbox "${mailbox}" lost its host ${host}, and at most ${lost} messages with it`);
  }
  if (account.lost.length > 0) lines.push(`lost flights: ${formatRanges(account.lost)}`);
  return lines;
}

function describeSpeed(account: Account): string[] {
  const { seconds, flightsPerSecond, cpuSeconds, roundTrip, singleProcessSeconds, wallSeconds } = account;
  return [
    `throughput: ${flightsPerSecond.toLocaleString('en')} flights/s (${seconds.toFixed(2)} s from first send to report; ` +
      `one process without messages: ${singleProcessSeconds.toFixed(2)} s)`,
    `processor time: ${cpuSeconds.toFixed(2)} s in all, ${cpuPerFlight(account).toFixed(0)} µs a flight`,
    `round trip between reader and aggregator: p50 ${roundTrip.p50.toFixed(0)} µs, p99 ${roundTrip.p99.toFixed(0)} µs`,
    `wall time: ${wallSeconds.toFixed(2)} s`,
  ];
}

/** Microseconds. */
export function cpuPerFlight({ cpuSeconds, counted }: Pick<Account, 'cpuSeconds' | 'counted'>): number {
  return counted === 0 ? 0 : (cpuSeconds * 1e6) / counted;
}

function describeEquality({ equal, complete }: Account): string {
  if (!equal) return 'NO';
  return complete ? 'yes' : 'yes, over the flights that were counted';
}

function rank(rows: readonly DelayRow[], fewest: number): { worst: RankedRow[]; best: RankedRow[] } {
  const ranked = rows
    .filter((row) => row.flights >= fewest)
    .map((row) => ({ ...row, mean: meanDelay(row) }))
    .sort((a, b) => b.mean - a.mean || (a.key < b.key ? -1 : 1));
  const worst = ranked.slice(0, SHOWN);
  return { worst, best: ranked.slice(worst.length).slice(-SHOWN).reverse() };
}

type RankedRow = DelayRow & { mean: number };

function table(title: string, rows: readonly DelayRow[], fewest: number): string {
  const { worst, best } = rank(rows, fewest);
  const view = new Table({
    head: [title, '', 'flights', 'mean delay (min)'],
    chars: COMPACT,
    style: { head: [], border: [] },
  });
  for (const row of worst) view.push(cells('worst', row));
  for (const row of best) view.push(cells('best', row));
  return view.toString();
}

function cells(end: string, { label, flights, mean }: RankedRow): (string | number)[] {
  return [end, label, flights, mean.toFixed(1)];
}
