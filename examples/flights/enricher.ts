/**
 * An enricher: takes flights, looks up both airports, passes them on. Several compete for one mailbox.
 *
 * It works until the reader says something. Told to drain, it empties the mailbox, waits until all it holds
 * is accepted further on, answers, and goes back to work: another enricher may die and leave it more.
 */
import type { Runtime } from '@pigeonhole/core';
import { peer } from '@pigeonhole/core';
import { enrich, loadAirports } from './airports.js';
import { startMeter } from './cost.js';
import { type EnricherCommand, enriched, flights, READER, toReader } from './messages.js';
import { departure } from './presence.js';
import { takeUntil } from './take-until.js';

const reader = peer<EnricherCommand>(READER);

/** Settles when the reader says stop, or is gone. */
export async function runEnricher(runtime: Runtime): Promise<void> {
  await Promise.race([serve(runtime), departure(runtime, READER)]);
}

async function serve(runtime: Runtime): Promise<void> {
  const airports = await loadAirports();
  await runtime.receive(reader); // 'open': the reader decides who opens the mailbox first, and so hosts it
  const incoming = await runtime.receiver(flights);
  const outgoing = await runtime.sender(enriched);
  await runtime.send(toReader, { kind: 'ready' });
  const cost = startMeter();
  for (;;) {
    const interrupt = new AbortController();
    const told = runtime.receive(reader).finally(() => interrupt.abort());
    told.catch(() => {}); // reported by the await below, or of no interest because the work failed first
    for await (const batch of takeUntil(incoming, interrupt.signal)) {
      await outgoing.sendMany(batch.map(({ body }) => enrich(body, airports)));
    }
    const { body: command } = await told;
    if (command.kind === 'stop') return;
    if (command.kind === 'drain')
      await runtime.send(toReader, { kind: 'drained', round: command.round, cost: cost() });
  }
}
