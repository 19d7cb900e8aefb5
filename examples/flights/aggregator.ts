/**
 * The aggregator: takes enriched flights, counts each sequence number once, and sends the report to the
 * reader by direct naming when it is told that nobody will deliver any more.
 */
import type { Message, Runtime } from '@pigeonhole/core';
import { peer } from '@pigeonhole/core';
import { startMeter } from './cost.js';
import {
  type AggregatorCommand,
  type EnrichedFlight,
  enriched,
  type Progress,
  READER,
  type Report,
  toReader,
} from './messages.js';
import { departure } from './presence.js';
import { SequenceSet } from './sequence-set.js';
import type { RunSettings } from './settings.js';
import { takeUntil } from './take-until.js';
import { Tally } from './tally.js';

/** Progress is told this many times in a run. */
const PROGRESS_STEPS = 100;

const reader = peer<AggregatorCommand>(READER);

/** Settles when the reader says stop, or is gone. */
export async function runAggregator(runtime: Runtime, settings: RunSettings): Promise<void> {
  await Promise.race([serve(runtime, settings), departure(runtime, READER)]);
}

async function serve(runtime: Runtime, settings: RunSettings): Promise<void> {
  const incoming = await runtime.receiver(enriched);
  const books = new Books();
  const cost = startMeter();
  const closing = new AbortController();
  const told = runtime.receive(reader).finally(() => closing.abort());
  told.catch(() => {}); // reported by the await below, or of no interest because counting failed first
  const step = Math.max(1, Math.floor(settings.total / PROGRESS_STEPS));
  for await (const batch of takeUntil(incoming, closing.signal)) {
    for (const message of batch) {
      books.enter(message);
      if (books.size % step === 0) await tell(runtime, settings.watchers, books.size);
    }
  }
  await told;
  await runtime.send(toReader, { kind: 'report', report: { ...books.report(), cost: cost() } });
  // Until 'stop': leaving earlier would look like a crash.
  while ((await runtime.receive(reader)).body.kind === 'ping') await runtime.send(toReader, { kind: 'pong' });
}

/** Does not wait: news that finds no room is replaced by the next. */
async function tell(runtime: Runtime, watchers: readonly string[], counted: number): Promise<void> {
  for (const name of watchers) await runtime.trySend(peer<Progress>(name), { kind: 'progress', counted });
}

/** Which sequence numbers were counted, and what they add up to. */
class Books {
  readonly #tally = new Tally();
  readonly #counted = new SequenceSet();
  readonly #duplicates: number[] = [];
  readonly #byEnricher: Record<string, number> = {};

  get size(): number {
    return this.#counted.size;
  }

  enter({ body: flight, from }: Message<EnrichedFlight>): void {
    if (!this.#counted.add(flight.seq)) {
      this.#duplicates.push(flight.seq);
      return;
    }
    this.#tally.add(flight);
    this.#byEnricher[from] = (this.#byEnricher[from] ?? 0) + 1;
  }

  report(): Omit<Report, 'cost'> {
    return {
      summary: this.#tally.summary(),
      counted: this.#counted.toBytes(),
      duplicates: this.#duplicates,
      byEnricher: this.#byEnricher,
    };
  }
}
