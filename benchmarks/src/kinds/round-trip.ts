/** Latency: one message there and back, strictly one after another, each timed, in an HdrHistogram. */

import type { Close, Place, Requester, RoundTripCase } from '../contender.js';
import type { Job } from '../control.js';
import { cpuMicroseconds, cpuPerMillion } from '../cpu.js';
import { emptyHistogram, encodeHistogram, percentiles, record } from '../histogram.js';
import type { Kind, Opened, Session } from '../kind.js';
import { type Load, loadNamed } from '../load/load.js';

/** The responding process's half. */
interface ResponderHalf {
  open(): Promise<void>;
  /** CPU microseconds so far. */
  cpu(): number;
  close(): Promise<void>;
}

function responderHalf(testCase: RoundTripCase, _job: Job, place: Place): ResponderHalf {
  let close: Close = () => undefined;
  return {
    async open() {
      close = await testCase.respond(place);
    },
    cpu: cpuMicroseconds,
    close: async () => close(),
  };
}

/** Ping-pong for so long; `note` gets each round trip in milliseconds. Resolves to their number. */
export async function pingPong(
  requester: Requester,
  load: Load,
  milliseconds: number,
  note: (milliseconds: number) => void,
): Promise<number> {
  const end = performance.now() + milliseconds;
  let sequence = 0;
  for (let now = performance.now(); now < end; sequence += 1) {
    const body = load.make(sequence, 0);
    const pending = requester.exchange(body);
    const answer = pending instanceof Promise ? await pending : pending;
    const after = performance.now();
    note(after - now);
    if (load.positionOf(answer) !== load.positionOf(body) || load.digest(answer) !== load.digest(body))
      throw new Error(`asked with message ${sequence}, answered with ${JSON.stringify(answer)}`);
    now = performance.now();
  }
  return sequence;
}

async function measure(testCase: RoundTripCase, requester: Requester, session: Session<ResponderHalf>) {
  const { runUp, duration } = session.job;
  const histogram = emptyHistogram();
  const load = loadNamed(testCase.load ?? 'order');
  session.phase('answers while measuring');
  await pingPong(requester, load, runUp, () => undefined);
  const responderBefore = await session.second.cpu();
  const before = cpuMicroseconds();
  await pingPong(requester, load, duration, (milliseconds) => record(histogram, milliseconds));
  const spent = cpuMicroseconds() - before;
  const spentThere = testCase.others === undefined ? (await session.second.cpu()) - responderBefore : 0;
  const cpu = cpuPerMillion(spent + spentThere, histogram.totalCount);
  return {
    metrics: { ...percentiles(histogram), cpu },
    histograms: { 'round trip': encodeHistogram(histogram) },
  };
}

async function open(testCase: RoundTripCase, session: Session<ResponderHalf>): Promise<Opened> {
  session.phase('the responder to open');
  await session.second.open();
  session.phase('the requester to open');
  const requester = await testCase.request(session.place);
  const load = loadNamed(testCase.load ?? 'order');
  return {
    async warm(milliseconds) {
      const start = performance.now();
      const count = await pingPong(requester, load, milliseconds, () => undefined);
      return (count * 1000) / (performance.now() - start);
    },
    measure: () => measure(testCase, requester, session),
    async close() {
      await requester.close();
      await session.second.close();
    },
  };
}

export const roundTrip: Kind<RoundTripCase, ResponderHalf> = {
  name: 'round-trip',
  title: 'Round trip: sequential ping-pong',
  compared: 'p50',
  moreIsBetter: false,
  peer: 'zeromq.js ipc req/rep, JSON',
  metrics: [
    { key: 'p50', heading: 'p50 µs', scale: 1, digits: 1 },
    { key: 'p99', heading: 'p99 µs', scale: 1, digits: 1 },
    { key: 'p999', heading: 'p99.9 µs', scale: 1, digits: 1 },
    { key: 'max', heading: 'max µs', scale: 1, digits: 0 },
    { key: 'cpu', heading: 'CPU s/M, both', scale: 1, digits: 1 },
  ],
  nodeOptions: [],
  others: () => 1,
  second: responderHalf,
  open,
};
