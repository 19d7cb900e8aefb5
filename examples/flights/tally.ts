import type { Airport, DelayRow, EnrichedFlight, Summary } from './messages.js';

/**
 * Delays by route and by airport of departure. Holds integer sums and counts only, so the result does not
 * depend on the order in which flights arrive, and two tallies of the same flights are exactly equal.
 */
export class Tally {
  readonly #routes = new Map<string, DelayRow>();
  readonly #airports = new Map<string, DelayRow>();

  add({ origin, destination, delay }: EnrichedFlight): void {
    const route = `${origin.iata}>${destination.iata}`;
    addTo(this.#routes, route, delay, () => `${place(origin)} > ${place(destination)}`);
    addTo(this.#airports, origin.iata, delay, () => `${origin.name}, ${place(origin)}`);
  }

  summary(): Summary {
    return { routes: sorted(this.#routes), airports: sorted(this.#airports) };
  }
}

/** Mean delay in minutes. */
export function meanDelay(row: DelayRow): number {
  return row.delay / row.flights;
}

function addTo(rows: Map<string, DelayRow>, key: string, delay: number, label: () => string): void {
  const row = rows.get(key);
  if (row === undefined) {
    rows.set(key, { key, label: label(), flights: 1, delay });
    return;
  }
  row.flights += 1;
  row.delay += delay;
}

function place({ iata, city, state }: Airport): string {
  return city === '' ? iata : `${city}, ${state}`;
}

function sorted(rows: Map<string, DelayRow>): DelayRow[] {
  return [...rows.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}
