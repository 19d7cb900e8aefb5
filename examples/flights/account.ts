/** Squares what the reader sent with what the aggregator counted, and with the same sums done in one process. */
import { isDeepStrictEqual } from 'node:util';
import { enrich, loadAirports } from './airports.js';
import type { RoundTrip } from './cost.js';
import { numbered } from './flight-data.js';
import type { Ledger } from './ledger.js';
import type { Flight, Report, Summary } from './messages.js';
import { SequenceSet } from './sequence-set.js';
import type { RunSettings } from './settings.js';
import { Tally } from './tally.js';

/** What a finished run amounts to. With the setup and the tables, it is what `--json` prints. */
export interface Account {
  attempted: number;
  /** Not even attempted, because no enricher was left. */
  unsent: number;
  accepted: number;
  /** Sends whose outcome could not be known when they settled; each is either counted or lost by now. */
  unknown: number;
  unknownCounted: number;
  rejected: number;
  counted: number;
  /** Sequence numbers that were not counted, ascending. */
  lost: number[];
  /** Sequence numbers that reached the aggregator twice; they were counted once. */
  duplicates: number[];
  /** How many sequence numbers were counted that were never sent. */
  unexpected: number;
  byEnricher: Record<string, number>;
  /** Enrichers that died. */
  down: string[];
  /** What the runtime reported lost with a mailbox's host (an upper bound). */
  losses: { mailbox: string; host: string; lost: number }[];
  firstRejection: string | null;
  /** Whether the report equals the single-process computation over the flights that were counted. */
  equal: boolean;
  /** Every flight was counted. */
  complete: boolean;
  /** All sent, equal, nothing twice, nothing unexpected; and complete, unless an enricher died. */
  ok: boolean;
  /** From the first send to the report. */
  seconds: number;
  flightsPerSecond: number;
  /** Processor time of all services meanwhile, but for those that died. */
  cpuSeconds: number;
  /** Of one exchange at a time between reader and aggregator, after the report: by direct naming. */
  roundTrip: RoundTrip;
  /** The same sums in one process, looking up airports included. */
  singleProcessSeconds: number;
  /** From the command to here. */
  wallSeconds: number;
  summary: Summary;
}

export interface RunRecord {
  data: readonly Flight[];
  settings: RunSettings;
  ledger: Ledger;
  report: Report;
  seconds: number;
  cpuSeconds: number;
  roundTrip: RoundTrip;
  down: string[];
  losses: Account['losses'];
}

export async function reconcile(record: RunRecord): Promise<Account> {
  const { settings, ledger, report, seconds, cpuSeconds, roundTrip, down, losses } = record;
  const counted = new SequenceSet(report.counted);
  const { lost, unknownCounted } = findLost(ledger, counted);
  const alone = await computeAlone(record.data, settings.total, counted);
  const unexpected = counted.size - (ledger.attempted - lost.length);
  const equal = isDeepStrictEqual(report.summary, alone.summary);
  const complete = counted.size === settings.total;
  const clean = equal && report.duplicates.length === 0 && unexpected === 0;
  return {
    attempted: ledger.attempted,
    unsent: settings.total - ledger.attempted,
    accepted: ledger.accepted.size,
    unknown: ledger.unknown.size,
    unknownCounted,
    rejected: ledger.rejected.size,
    counted: counted.size,
    lost,
    duplicates: report.duplicates,
    unexpected,
    byEnricher: report.byEnricher,
    down,
    losses,
    firstRejection: ledger.firstRejection,
    equal,
    complete,
    ok: clean && (complete || down.length > 0) && ledger.attempted === settings.total,
    seconds,
    flightsPerSecond: Math.round(counted.size / seconds),
    cpuSeconds,
    roundTrip,
    singleProcessSeconds: alone.seconds,
    wallSeconds: (Date.now() - settings.startedAt) / 1000,
    summary: report.summary,
  };
}

function findLost(ledger: Ledger, counted: SequenceSet): { lost: number[]; unknownCounted: number } {
  const lost: number[] = [];
  let unknownCounted = 0;
  for (let seq = 1; seq <= ledger.attempted; seq += 1) {
    if (!counted.has(seq)) lost.push(seq);
    else if (ledger.unknown.has(seq)) unknownCounted += 1;
  }
  return { lost, unknownCounted };
}

/** The whole job in this process, over the flights in `counted`. */
async function computeAlone(
  data: readonly Flight[],
  total: number,
  counted: SequenceSet,
): Promise<{ summary: Summary; seconds: number }> {
  const airports = await loadAirports();
  const begun = performance.now();
  const tally = new Tally();
  for (const flight of numbered(data, total)) {
    if (counted.has(flight.seq)) tally.add(enrich(flight, airports));
  }
  return { summary: tally.summary(), seconds: (performance.now() - begun) / 1000 };
}
