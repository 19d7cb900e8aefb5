/** Latency: one order there and back, strictly one after another, each timed, in an HdrHistogram. */

import { build, type Histogram } from 'hdr-histogram-js';
import type { Close, Place, Requester, RoundTripCase } from '../contender.js';
import type { Job, Metrics } from '../control.js';
import { cpuMicroseconds, cpuPerMillion } from '../cpu.js';
import type { Kind, Session } from '../kind.js';
import { makeOrder, type Order } from '../order.js';

const LONGEST_NANOSECONDS = 60e9;
const SIGNIFICANT_DIGITS = 3;

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
    async close() {
      await close();
    },
  };
}

function verify(sent: Order, answer: Order): void {
  if (answer.id === sent.id && answer.ts === sent.ts && answer.items[0]?.qty === sent.items[0]?.qty) return;
  throw new Error(`asked with order ${sent.id}, answered with ${JSON.stringify(answer)}`);
}

/** Ping-pong for so long; `record` gets each round trip in nanoseconds. */
async function pingPong(
  requester: Requester,
  milliseconds: number,
  record: (nanoseconds: number) => void,
): Promise<void> {
  const end = performance.now() + milliseconds;
  for (let sequence = 0, now = performance.now(); now < end; sequence += 1) {
    const order = makeOrder(sequence);
    const answer = await requester.exchange(order);
    const after = performance.now();
    record((after - now) * 1e6);
    verify(order, answer);
    now = performance.now();
  }
}

function figures(histogram: Histogram): Record<string, number> {
  return {
    p50: histogram.getValueAtPercentile(50) / 1000,
    p99: histogram.getValueAtPercentile(99) / 1000,
    p999: histogram.getValueAtPercentile(99.9) / 1000,
    max: histogram.maxValue / 1000,
    messages: histogram.totalCount,
  };
}

async function measure(requester: Requester, session: Session<ResponderHalf>): Promise<Metrics> {
  const { warmup, duration } = session.job;
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_NANOSECONDS,
    numberOfSignificantValueDigits: SIGNIFICANT_DIGITS,
  });
  session.phase('answers during the warm-up');
  await pingPong(requester, warmup, () => undefined);
  const responderBefore = await session.second.cpu();
  const before = cpuMicroseconds();
  session.phase('answers while measuring');
  await pingPong(requester, duration, (nanoseconds) =>
    histogram.recordValue(Math.max(1, Math.round(nanoseconds))),
  );
  const requesterCpu = cpuPerMillion(cpuMicroseconds() - before, histogram.totalCount);
  const responderCpu = cpuPerMillion((await session.second.cpu()) - responderBefore, histogram.totalCount);
  return { ...figures(histogram), requesterCpu, responderCpu };
}

async function lead(testCase: RoundTripCase, session: Session<ResponderHalf>): Promise<Metrics> {
  session.phase('the responder to open');
  await session.second.open();
  session.phase('the requester to open');
  const requester = await testCase.request(session.place);
  await session.ready();
  const metrics = await measure(requester, session);
  session.phase('the requester to close');
  await requester.close();
  session.phase('the responder to close');
  await session.second.close();
  return metrics;
}

export const roundTrip: Kind<RoundTripCase, ResponderHalf> = {
  name: 'round-trip',
  title: 'Round trip: sequential ping-pong',
  compared: 'p50',
  moreIsBetter: false,
  peer: 'zeromq.js req/rep, JSON',
  metrics: [
    { key: 'p50', heading: 'p50 µs', scale: 1, digits: 1 },
    { key: 'p99', heading: 'p99 µs', scale: 1, digits: 1 },
    { key: 'p999', heading: 'p99.9 µs', scale: 1, digits: 1 },
    { key: 'max', heading: 'max µs', scale: 1, digits: 0 },
    { key: 'requesterCpu', heading: 'CPU s/M, requester', scale: 1, digits: 1 },
    { key: 'responderCpu', heading: 'CPU s/M, responder', scale: 1, digits: 1 },
  ],
  processes: 2,
  nodeOptions: [],
  second: responderHalf,
  lead,
};
