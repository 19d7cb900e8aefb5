/**
 * Latency under load: messages leave at a fixed rate, some each half millisecond, whether or not earlier ones have arrived, and each is timed from when it
 * was *to be* sent until the consumer has it. So a stall delays the messages after it in the figures, too, as it
 * would those of real clients (no coordinated omission).
 */

import { now } from '../clock.js';
import type { OpenLoopCase, Place, Submitter } from '../contender.js';
import type { Job, Measurement } from '../control.js';
import { emptyHistogram, encodeHistogram, percentiles, record } from '../histogram.js';
import type { Kind, Opened, Session } from '../kind.js';
import { orders } from '../load/order.js';
import { Sink } from '../load/sink.js';
import type { Sent } from '../load/source.js';
import { verify } from '../load/verdict.js';
import { drained } from './drained.js';

/** Messages a second. */
export const RATES = [2_000, 20_000, 50_000];
const QUICK_RATES = [20_000];
/** At which a case warms up. */
const WARM_RATE = 20_000;
/** From the agreement on a start to the start, in milliseconds. */
const LEAD_TIME = 50;
/** Milliseconds between two times at which messages are due: as many together as the rate asks for. */
const TICK = 0.5;
/** Milliseconds for which the event loop turns after each, for what the mechanism does later than in the call. */
const TURNING = 0.1;
/** Milliseconds by which a sleep ends before the next. */
const EARLY = 0.1;

/** What is to be sent when; times are of the machine's clock, in milliseconds. */
interface Plan {
  readonly start: number;
  /** Messages that are due together. */
  readonly batch: number;
  readonly count: number;
}

interface Half {
  open(): Promise<void>;
  send(plan: Plan): Promise<Sent>;
  close(): Promise<void>;
}

/** Due times of a plan, and which messages are due. */
function dueTime({ start, batch }: Plan, sequence: number): number {
  return start + Math.floor(sequence / batch) * TICK;
}

function dueCount({ start, batch, count }: Plan, time: number): number {
  return Math.min(count, Math.max(0, (Math.floor((time - start) / TICK) + 1) * batch));
}

const never = new Int32Array(new SharedArrayBuffer(4));

/** Blocks this thread until then, asleep but for the end: the kernel wakes a thread late. */
function blockUntil(time: number): void {
  const asleep = time - EARLY - now();
  if (asleep > 0) Atomics.wait(never, 0, 0, asleep);
  while (now() < time);
}

/**
 * Submits the messages when they are due; those that are overdue at once. No timer is fine enough for that. To turn the event loop all the
 * time would leave the other processes one processor less, and what each turn allocates would have to be collected a hundred times a second,
 * a pause that all messages would wait for. So between two batches this thread sleeps, once it has given the mechanism some turns.
 */
function paced(submitter: Submitter, plan: Plan): Promise<Sent> {
  const { count } = plan;
  let sent = 0;
  let checksum = 0;
  let turning = 0;
  return new Promise((resolve, reject) => {
    const turn = (): void => {
      try {
        if (now() >= turning) blockUntil(dueTime(plan, sent));
        const due = dueCount(plan, now());
        if (sent < due) turning = now() + TURNING;
        for (; sent < due; sent += 1) {
          const body = orders.make(sent, 0);
          checksum = (checksum + orders.digest(body)) | 0;
          submitter.submit(body);
        }
      } catch (error) {
        return reject(error);
      }
      if (sent < count) setImmediate(turn);
      else resolve({ count, checksum });
    };
    turn();
  });
}

function producerHalf(testCase: OpenLoopCase, _job: Job, place: Place): Half {
  let submitter: Submitter | undefined;
  return {
    async open() {
      submitter = await testCase.produce(place);
    },
    send: (plan) =>
      submitter === undefined
        ? Promise.reject(new Error('the producer is not open'))
        : paced(submitter, plan),
    close: async () => submitter?.close(),
  };
}

/** Counts from one plan to the next; records the latency of every message. */
class Stopwatch {
  private plan: Plan = { start: 0, batch: 1, count: 0 };
  private sink = new Sink(orders, 0);
  private histogram = emptyHistogram();

  begin(plan: Plan): void {
    this.plan = plan;
    this.sink = new Sink(orders, 0);
    this.histogram = emptyHistogram();
  }

  readonly take: Sink['take'] = (body) => {
    record(this.histogram, now() - dueTime(this.plan, this.sink.count));
    this.sink.take(body);
  };

  get count(): number {
    return this.sink.count;
  }

  end(sent: Sent): ReturnType<typeof emptyHistogram> {
    verify([sent], [this.sink.taken()]);
    return this.histogram;
  }
}

async function atRate(rate: number, milliseconds: number, stopwatch: Stopwatch, session: Session<Half>) {
  const batch = Math.round((rate * TICK) / 1000);
  const plan = { start: now() + LEAD_TIME, batch, count: batch * Math.ceil(milliseconds / TICK) };
  session.phase(`${plan.count} messages at ${rate} a second`);
  stopwatch.begin(plan);
  const sent = await session.second.send(plan);
  await drained(plan.count, () => stopwatch.count);
  return stopwatch.end(sent);
}

/** Each rate; what it took to get going again is not recorded. */
async function measure(stopwatch: Stopwatch, session: Session<Half>): Promise<Measurement> {
  const { runUp, duration, quick } = session.job;
  const metrics: Record<string, number> = {};
  const histograms: Record<string, string> = {};
  for (const rate of quick ? QUICK_RATES : RATES) {
    await atRate(rate, runUp, stopwatch, session);
    const histogram = await atRate(rate, duration, stopwatch, session);
    for (const [key, value] of Object.entries(percentiles(histogram))) metrics[`${key}@${rate}`] = value;
    histograms[String(rate)] = encodeHistogram(histogram);
  }
  return { metrics, histograms };
}

async function open(testCase: OpenLoopCase, session: Session<Half>): Promise<Opened> {
  const stopwatch = new Stopwatch();
  session.phase('both sides to open');
  const close = await testCase.consume(session.place, stopwatch.take);
  await session.second.open();
  return {
    async warm(milliseconds) {
      const histogram = await atRate(WARM_RATE, milliseconds, stopwatch, session);
      return (histogram.totalCount * 1000) / milliseconds;
    },
    measure: () => measure(stopwatch, session),
    async close() {
      await session.second.close();
      await close();
    },
  };
}

export const openLoop: Kind<OpenLoopCase, Half> = {
  name: 'open-loop',
  title: 'Latency at fixed rates, from the intended send to the receipt: µs',
  compared: 'p50@20000',
  moreIsBetter: false,
  peer: 'zeromq.js ipc, JSON',
  metrics: RATES.flatMap((rate) =>
    [
      ['p50', 'p50'],
      ['p99', 'p99'],
      ['p999', 'p99.9'],
      ['max', 'max'],
    ].map(([key, heading]) => ({
      key: `${key}@${rate}`,
      heading: `${heading}, ${rate / 1000} k/s`,
      scale: 1,
      digits: key === 'max' ? 0 : 1,
    })),
  ),
  nodeOptions: [],
  length: ({ quick }) => (quick ? QUICK_RATES : RATES).length,
  others: () => 1,
  second: producerHalf,
  open,
};
