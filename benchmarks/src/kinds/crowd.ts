/**
 * More processes than processors: as many pairs as there are processors exchange messages at once, each strictly one after another. Who waits
 * awake takes a processor from who could answer, which a single pair does not show.
 */

import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Close, CrowdCase, Place, Requester } from '../contender.js';
import type { Job } from '../control.js';
import { cpuMicroseconds, cpuPerMillion } from '../cpu.js';
import { emptyHistogram, encodeHistogram, mergeHistograms, percentiles, record } from '../histogram.js';
import type { Kind, Opened, Session } from '../kind.js';
import { loadNamed } from '../load/load.js';
import { pingPong } from './round-trip.js';

/** More would take gigabytes. On a machine with more processors than that it is no crowd: `taskset` makes it one. */
const MOST_PAIRS = 16;
const PAIRS = Math.min(availableParallelism(), MOST_PAIRS);

/** What one requester has done. */
interface Done {
  readonly count: number;
  readonly seconds: number;
  /** `encodeHistogram`. */
  readonly histogram: string;
}

interface Half {
  open(): Promise<void>;
  /** A requester's, for so many milliseconds. */
  exchange(milliseconds: number): Promise<Done>;
  /** CPU microseconds so far. */
  cpu(): number;
  close(): Promise<void>;
}

/** Each pair has a directory of its own, in which neither finds the others. */
async function placeOf(place: Place, pair: number): Promise<Place> {
  const directory = join(place.directory, String(pair));
  await mkdir(directory, { recursive: true });
  return { ...place, directory, socketPath: (name) => join(directory, name) };
}

function responder(testCase: CrowdCase, place: Place, pair: number): Half {
  let close: Close = () => undefined;
  return {
    async open() {
      close = await testCase.respond(await placeOf(place, pair));
    },
    exchange: () => Promise.reject(new Error('a responder asks nothing')),
    cpu: cpuMicroseconds,
    close: async () => close(),
  };
}

function requester(testCase: CrowdCase, place: Place, pair: number): Half {
  let own: Requester | undefined;
  const load = loadNamed(testCase.load ?? 'order');
  return {
    async open() {
      own = await testCase.request(await placeOf(place, pair));
    },
    async exchange(milliseconds) {
      const histogram = emptyHistogram();
      if (own === undefined) throw new Error('nothing is open');
      const start = performance.now();
      const count = await pingPong(own, load, milliseconds, (each) => record(histogram, each));
      return { count, seconds: (performance.now() - start) / 1000, histogram: encodeHistogram(histogram) };
    },
    cpu: cpuMicroseconds,
    close: async () => own?.close(),
  };
}

/** Responders first, then the requesters beside the leading one. */
function half(testCase: CrowdCase, { index }: Job, place: Place): Half {
  return index < PAIRS ? responder(testCase, place, index) : requester(testCase, place, index - PAIRS + 1);
}

async function open(testCase: CrowdCase, { job, place, seconds, phase }: Session<Half>): Promise<Opened> {
  const own = requester(testCase, place, 0);
  const responders = seconds.slice(0, PAIRS);
  const others = seconds.slice(PAIRS);
  phase('the responders to open');
  await Promise.all(responders.map((each) => each.open()));
  phase('the requesters to open');
  await Promise.all([own, ...others].map((each) => each.open()));
  const all = async (milliseconds: number): Promise<Done[]> => {
    phase('answers');
    const done = others.map((each) => each.exchange(milliseconds));
    // So that the others have been told, though this one blocks its thread.
    await turn();
    return Promise.all([own.exchange(milliseconds), ...done]);
  };
  const rateOf = (done: readonly Done[]): number =>
    done.reduce((sum, { count, seconds: spent }) => sum + count / spent, 0);
  const cpu = async (): Promise<number> => {
    const each = await Promise.all([own, ...seconds].map((process) => process.cpu()));
    return each.reduce((sum, value) => sum + value, 0);
  };
  return {
    warm: async (milliseconds) => rateOf(await all(milliseconds)),
    async measure() {
      await all(job.runUp);
      const before = await cpu();
      const done = await all(job.duration);
      const spent = (await cpu()) - before;
      const histogram = mergeHistograms(done.map(({ histogram: encoded }) => encoded));
      const metrics = {
        rate: rateOf(done),
        pairs: PAIRS,
        ...percentiles(histogram),
        cpu: cpuPerMillion(spent, histogram.totalCount),
      };
      return { metrics, histograms: { exchange: encodeHistogram(histogram) } };
    },
    async close() {
      await Promise.all([own, ...others].map((each) => each.close()));
      await Promise.all(responders.map((each) => each.close()));
    },
  };
}

export const crowd: Kind<CrowdCase, Half> = {
  name: 'crowd',
  title: 'Round trips of as many pairs of processes at once as there are processors',
  compared: 'rate',
  moreIsBetter: true,
  peer: 'net Unix, 64 B',
  metrics: [
    { key: 'pairs', heading: 'pairs', scale: 1, digits: 0 },
    { key: 'rate', heading: 'k exchanges/s, all', scale: 1e-3, digits: 1 },
    { key: 'p50', heading: 'p50 µs', scale: 1, digits: 1 },
    { key: 'p99', heading: 'p99 µs', scale: 1, digits: 1 },
    { key: 'p999', heading: 'p99.9 µs', scale: 1, digits: 1 },
    { key: 'max', heading: 'max µs', scale: 1, digits: 0 },
    { key: 'cpu', heading: 'CPU s/M, all', scale: 1, digits: 1 },
  ],
  nodeOptions: [],
  others: () => 2 * PAIRS - 1,
  second: half,
  open,
};
