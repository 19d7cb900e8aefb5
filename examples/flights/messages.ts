/**
 * Everything that travels between the services: two mailboxes (indirect naming) and the direct messages
 * that start, drain and end a run. The protocol is drawn in README.md.
 */
import { mailbox, peer } from '@pigeonhole/core';

/** One line of the data file. */
export interface Flight {
  date: string;
  /** Minutes late; negative is early. An integer, so that sums are exact in any order. */
  delay: number;
  distance: number;
  origin: string;
  destination: string;
}

/** A flight as the reader sends it. `seq` counts from 1 and is never used twice in a run. */
export interface NumberedFlight extends Flight {
  seq: number;
}

export interface Airport {
  iata: string;
  name: string;
  city: string;
  state: string;
}

/** A flight whose two airport codes have been looked up. */
export interface EnrichedFlight {
  seq: number;
  delay: number;
  distance: number;
  origin: Airport;
  destination: Airport;
}

/** Count and sum of delays of one route or of the departures of one airport. */
export interface DelayRow {
  /** `DTW>LAS` for a route, `DTW` for an airport. */
  key: string;
  label: string;
  flights: number;
  /** Sum of the delays in minutes. */
  delay: number;
}

/** Rows are sorted by key: two equal tallies have equal summaries. */
export interface Summary {
  routes: DelayRow[];
  airports: DelayRow[];
}

/** What the aggregator found, sent once, when its books are closed. */
export interface Report {
  summary: Summary;
  /** One bit for each sequence number that was counted (`SequenceSet`). */
  counted: Uint8Array;
  /** Sequence numbers that arrived again, in order of arrival. They were not counted again. */
  duplicates: number[];
  /** How many counted flights each enricher delivered. */
  byEnricher: Record<string, number>;
  cost: Cost;
}

/** Processor time that a service's process has spent since the service began to work. */
export interface Cost {
  pid: number;
  microseconds: number;
}

/** From the reader to an enricher. */
export type EnricherCommand =
  | { kind: 'open' }
  /** Take what is left, pass it on, then answer `drained` with this round. */
  | { kind: 'drain'; round: number }
  | { kind: 'stop' };

/** From the reader to the aggregator. */
export type AggregatorCommand =
  /** No enricher holds anything any more: count what is left, then send the report. */
  | { kind: 'close' }
  /** To be answered with `pong`, once the report is sent: how long does that take? */
  | { kind: 'ping' }
  | { kind: 'stop' };

/** To the reader, from whichever service `from` names. */
export type ReaderMessage =
  | { kind: 'ready' }
  | { kind: 'drained'; round: number; cost: Cost }
  /** From the launcher, whose child `name` was: reaches us even if it died before we ever met it. */
  | { kind: 'ended'; name: string }
  | Progress
  | { kind: 'report'; report: Report }
  | { kind: 'pong' };

/** From the aggregator to everybody who watches the run; a lost one does no harm. */
export interface Progress {
  kind: 'progress';
  counted: number;
}

/** Flights to be enriched: filled by the reader, emptied by the enrichers that compete for it. */
export const flights = mailbox<NumberedFlight>('flights');

/** Enriched flights: filled by the enrichers, emptied by the aggregator. */
export const enriched = mailbox<EnrichedFlight>('enriched');

export const READER = 'reader';
export const AGGREGATOR = 'aggregator';
export const LAUNCHER = 'launcher';

/** The names of `count` enrichers, in the order in which they open the mailbox: the first hosts it. */
export function enricherNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `enricher-${index + 1}`);
}

export const toReader = peer<ReaderMessage>(READER);
export const toAggregator = peer<AggregatorCommand>(AGGREGATOR);
