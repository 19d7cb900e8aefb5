/** Latency: one message there and back, strictly one after another, each timed, in an HdrHistogram. */

import type { Close, Place, Requester, RoundTripCase } from '../contender.js';
import type { Job, Measurement } from '../control.js';
import { cpuMicroseconds, cpuPerMillion } from '../cpu.js';
import { emptyHistogram, encodeHistogram, percentiles, record } from '../histogram.js';
import type { Kind, Session } from '../kind.js';
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

/** Ping-pong for so long; `note` gets each round trip in milliseconds. */
async function pingPong(
  requester: Requester,
  load: Load,
  milliseconds: number,
  note: (milliseconds: number) => void,
): Promise<void> {
  const end = performance.now() + milliseconds;
  for (let sequence = 0, now = performance.now(); now < end; sequence += 1) {
    const body = load.make(sequence, 0);
    const pending = requester.exchange(body);
    const answer = pending instanceof Promise ? await pending : pending;
    const after = performance.now();
    note(after - now);
    if (load.positionOf(answer) !== load.positionOf(body) || load.digest(answer) !== load.digest(body))
      throw new Error(`asked with message ${sequence}, answered with ${JSON.stringify(answer)}`);
    now = performance.now();
  }
}

async function measure(testCase: RoundTripCase, requester: Requester, session: Session<ResponderHalf>) {
  const { warmup, duration } = session.job;
  const histogram = emptyHistogram();
  const load = loadNamed(testCase.load ?? 'order');
  session.phase('answers during the warm-up');
  await pingPong(requester, load, warmup, () => undefined);
  const responderBefore = await session.second.cpu();
  const before = cpuMicroseconds();
  session.phase('answers while measuring');
  await pingPong(requester, load, duration, (milliseconds) => record(histogram, milliseconds));
  const spent = cpuMicroseconds() - before;
  const spentThere = testCase.others === undefined ? (await session.second.cpu()) - responderBefore : 0;
  const cpu = cpuPerMillion(spent + spentThere, histogram.totalCount);
  return {
    metrics: { ...percentiles(histogram), cpu },
    histograms: { 'round trip': encodeHistogram(histogram) },
  };
}

async function lead(testCase: RoundTripCase, session: Session<ResponderHalf>): Promise<Measurement> {
  session.phase('the responder to open');
  await session.second.open();
  session.phase('the requester to open');
  const requester = await testCase.request(session.place);
  await session.ready();
  const measurement = await measure(testCase, requester, session);
  session.phase('the requester to close');
  await requester.close();
  session.phase('the responder to close');
  await session.second.close();
  return measurement;
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
  lead,
};
