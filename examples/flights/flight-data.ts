import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { dataset } from './datasets.js';
import type { Flight, NumberedFlight } from './messages.js';

/** The data file cannot be used; the message says which line of which file, and why. */
export class DataError extends Error {
  override readonly name = 'DataError';
}

const code = v.pipe(v.string(), v.nonEmpty('must not be empty'));

const flightSchema = v.object({
  date: v.string(),
  delay: v.pipe(v.number(), v.safeInteger('must be a whole number of minutes')),
  distance: v.number(),
  origin: code,
  destination: code,
});

/**
 * Reads flights from a JSON array or from one JSON object a line; without a file, the 20,000 flights of
 * vega-datasets.
 * @throws DataError if the file cannot be read, is not JSON, holds no flight, or one that is malformed
 */
export async function loadFlights(file = dataset('flights-20k.json')): Promise<Flight[]> {
  const records = parse(await read(file), file);
  if (records.length === 0) throw new DataError(`${file}: holds no flights`);
  return records.map((record, index) => check(record, `${file}: flight ${index + 1}`));
}

/** The flights over and over until `total` have been given, numbered from 1. */
export function* numbered(flights: readonly Flight[], total: number): Generator<NumberedFlight> {
  for (let seq = 1; seq <= total; seq += 1) {
    const flight = flights[(seq - 1) % flights.length];
    if (flight === undefined) return;
    yield { seq, ...flight };
  }
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new DataError(`${file}: cannot be read (${reason(cause)})`, { cause });
  }
}

function parse(text: string, file: string): unknown[] {
  const trimmed = text.trim();
  if (trimmed.startsWith('[')) return parseArray(trimmed, file);
  const lines = trimmed.split('\n').map((line, index) => ({ line: line.trim(), where: `line ${index + 1}` }));
  return lines
    .filter(({ line }) => line !== '')
    .map(({ line, where }) => parseJson(line, `${file}: ${where}`));
}

function parseArray(text: string, file: string): unknown[] {
  const value = parseJson(text, file);
  if (!Array.isArray(value)) throw new DataError(`${file}: is not a JSON array of flights`);
  return value;
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataError(`${where}: is not JSON (${reason(cause)})`, { cause });
  }
}

function check(record: unknown, where: string): Flight {
  const result = v.safeParse(flightSchema, record, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const key = v.getDotPath(issue);
  throw new DataError(`${where}: ${key === null ? 'a flight' : `"${key}"`}: ${issue.message}`);
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
