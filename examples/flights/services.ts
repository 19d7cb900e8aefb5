/** Starts one service on a runtime of its own: in a process of its own (service.ts) or beside others (memory). */
import { createRuntime, type Runtime } from '@pigeonhole/core';
import { runAggregator } from './aggregator.js';
import { runEnricher } from './enricher.js';
import { AGGREGATOR, enriched, flights, READER } from './messages.js';
import { runReader } from './reader.js';
import type { RunSettings } from './settings.js';

/** Every service of a run: the reader last, as it starts the work. */
export function serviceNames(settings: RunSettings): string[] {
  return [AGGREGATOR, ...settings.enrichers, READER];
}

/**
 * Joins the namespace as `name`, does that service's work, and leaves. Which namespace and how messages
 * travel come from the runtime's own configuration (environment, `pigeonhole.config.*`).
 * Aborting `signal` ends it early; it then rejects with `ERR_CLOSED`.
 * @returns whether the run was right; services that cannot tell say `true`
 */
export async function runService(name: string, settings: RunSettings, signal: AbortSignal): Promise<boolean> {
  const { capacity } = settings;
  const mailboxes = { [flights.name]: { capacity }, [enriched.name]: { capacity } };
  const runtime = await createRuntime({ name, mailboxes });
  const leave = (): void => void runtime.close();
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await work(name, runtime, settings);
  } finally {
    signal.removeEventListener('abort', leave);
    await runtime.close();
  }
}

async function work(name: string, runtime: Runtime, settings: RunSettings): Promise<boolean> {
  if (name === READER) return runReader(runtime, settings);
  if (name === AGGREGATOR) await runAggregator(runtime, settings);
  else await runEnricher(runtime);
  return true;
}
