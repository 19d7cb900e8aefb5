import { readFile } from 'node:fs/promises';
import { csvParse } from 'd3-dsv';
import { dataset } from './datasets.js';
import type { Airport, EnrichedFlight, NumberedFlight } from './messages.js';

/** Airports by IATA code. */
export type Airports = ReadonlyMap<string, Airport>;

export async function loadAirports(): Promise<Airports> {
  const rows = csvParse(await readFile(dataset('airports.csv'), 'utf8'));
  const airports = new Map<string, Airport>();
  for (const { iata = '', name = '', city = '', state = '' } of rows) {
    airports.set(iata, { iata, name, city, state });
  }
  return airports;
}

/** Looks up both airports. A code that is not in the list keeps its code and has no other details. */
export function enrich(flight: NumberedFlight, airports: Airports): EnrichedFlight {
  const { seq, delay, distance, origin, destination } = flight;
  return { seq, delay, distance, origin: find(airports, origin), destination: find(airports, destination) };
}

function find(airports: Airports, iata: string): Airport {
  return airports.get(iata) ?? { iata, name: iata, city: '', state: '' };
}
