/**
 * Throughput: producing and consuming processes. The rate is the consumers' own count over the window that opens
 * when their run-up ends; messages sent but never taken do not count, and fail the case.
 */

import type { Close, OneWayCase, Place, Producer } from '../contender.js';
import type { Job } from '../control.js';
import { cpuMicroseconds, cpuPerMillion } from '../cpu.js';
import { GarbageClock } from '../garbage.js';
import type { Kind, Opened, Remote, Session } from '../kind.js';
import { loadNamed } from '../load/load.js';
import { Sink, type Taken } from '../load/sink.js';
import { type Sent, Source } from '../load/source.js';
import { verify, windowOf } from '../load/verdict.js';
import { drained } from './drained.js';

/** What one side cost after the run-up: microseconds of CPU and of collecting garbage, and bytes that are resident. */
interface Cost {
  readonly cpu: number;
  readonly gc: number;
  readonly rss: number;
}

interface Produced extends Sent, Cost {
  readonly measured: number;
}

interface Consumed extends Taken, Cost {}

/** Counts what this process spends from the end of the run-up. */
class Meter {
  private cpu = 0;
  private readonly garbage = new GarbageClock();

  readonly start = (): void => {
    this.cpu = cpuMicroseconds();
    this.garbage.restart();
  };

  cost(): Cost {
    const { microseconds: gc } = this.garbage;
    return { cpu: cpuMicroseconds() - this.cpu, gc, rss: process.memoryUsage.rss() };
  }
}

/** One pass, in milliseconds: so long at the start without counting, then so long. */
interface Span {
  readonly runUp: number;
  readonly duration: number;
}

/** Another process's half: a producer's or a consumer's. Passes follow one another; each begins its sequences anew. */
interface Half {
  open(): Promise<void>;
  /** A producer's: one pass. */
  send(span: Span): Promise<Produced>;
  /** A consumer's, before the producers send. */
  begin(span: Span): void;
  count(): number;
  consumed(): Consumed;
  close(): Promise<void>;
}

function producerHalf(testCase: OneWayCase, place: Place, index: number): Partial<Half> {
  let producer: Producer | undefined;
  const load = loadNamed(testCase.load ?? 'order');
  const meter = new Meter();
  return {
    async open() {
      producer = await testCase.produce(place, index);
    },
    async send({ runUp, duration }) {
      let before = 0;
      const source = new Source(load, index, runUp + duration, runUp, () => {
        meter.start();
        before = source.count;
      });
      await producer?.send(source);
      const { count, checksum } = source;
      return { count, checksum, measured: count - before, ...meter.cost() };
    },
    close: async () => producer?.close(),
  };
}

function consumerHalf(testCase: OneWayCase, place: Place): Half {
  const shared = (testCase.consumers ?? 1) > 1;
  const load = loadNamed(testCase.load ?? 'order');
  const meter = new Meter();
  let close: Close = () => undefined;
  let sink = new Sink(load, 0, shared);
  return {
    async open() {
      close = await testCase.consume(place, (body) => sink.take(body));
    },
    send: () => Promise.reject(new Error('a consumer does not send')),
    begin({ runUp }) {
      sink = new Sink(load, runUp, shared, meter.start);
    },
    count: () => sink.count,
    consumed: () => ({ ...sink.taken(), ...meter.cost() }),
    close: async () => close(),
  };
}

/** Producers first, then the consumers beside the leading one. */
function half(testCase: OneWayCase, job: Job, place: Place): Half {
  const producers = testCase.producers ?? 1;
  return job.index < producers
    ? (producerHalf(testCase, place, job.index) as Half)
    : consumerHalf(testCase, place);
}

type Consumer = Pick<Remote<Half>, 'open' | 'begin' | 'count' | 'consumed' | 'close'>;

/** This process's consumer, called as the others are. */
function localConsumer(own: Half): Consumer {
  return {
    open: () => own.open(),
    begin: async (span) => own.begin(span),
    count: async () => own.count(),
    consumed: async () => own.consumed(),
    close: () => own.close(),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Of all processes of one side, a million messages. */
function perMillion(costs: readonly Cost[], messages: number): Cost {
  const total = (key: keyof Cost): number => sum(costs.map((cost) => cost[key]));
  return {
    cpu: cpuPerMillion(total('cpu'), messages),
    gc: cpuPerMillion(total('gc'), messages),
    rss: total('rss'),
  };
}

/** By side where each side is processes of its own. */
function costs(testCase: OneWayCase, produced: readonly Produced[], consumed: readonly Consumed[]) {
  const consumers = perMillion(consumed, sum(consumed.map(({ windowCount }) => windowCount)));
  const producers = perMillion(produced, sum(produced.map(({ measured }) => measured)));
  // Threads of one process: each side sees the CPU time and the memory of both.
  if (testCase.others !== undefined) return { ...consumers, gc: consumers.gc + producers.gc };
  return {
    producerCpu: producers.cpu,
    consumerCpu: consumers.cpu,
    cpu: producers.cpu + consumers.cpu,
    gc: producers.gc + consumers.gc,
    rss: producers.rss + consumers.rss,
  };
}

/** Both sides of an open case. */
interface Sides {
  readonly producers: readonly Remote<Half>[];
  readonly consumers: readonly Consumer[];
}

/** One pass, checked. */
async function pass({ producers, consumers }: Sides, span: Span, phase: (text: string) => void) {
  phase('the producers to send for their duration');
  await Promise.all(consumers.map((consumer) => consumer.begin(span)));
  const produced = await Promise.all(producers.map((producer) => producer.send(span)));
  const total = sum(produced.map(({ count }) => count));
  phase(`the consumers to take ${total} messages`);
  await drained(total, async () => sum(await Promise.all(consumers.map((consumer) => consumer.count()))));
  const consumed = await Promise.all(consumers.map((consumer) => consumer.consumed()));
  verify(produced, consumed);
  const { messages, seconds } = windowOf(consumed);
  return { produced, consumed, total, rate: messages / seconds };
}

async function open(testCase: OneWayCase, { job, place, seconds, phase }: Session<Half>): Promise<Opened> {
  const producers = seconds.slice(0, testCase.producers ?? 1);
  const own = localConsumer(consumerHalf(testCase, place));
  const consumers: Consumer[] = [own, ...seconds.slice(producers.length)];
  const sides = { producers, consumers };
  phase('the consumers to open');
  for (const consumer of consumers) await consumer.open();
  phase('the producers to open');
  for (const producer of producers) await producer.open();
  return {
    warm: async (milliseconds) => (await pass(sides, { runUp: 0, duration: milliseconds }, phase)).rate,
    async measure() {
      const { produced, consumed, total, rate } = await pass(sides, job, phase);
      return { metrics: { rate, ...costs(testCase, produced, consumed), messages: total } };
    },
    async close() {
      for (const producer of producers) await producer.close();
      for (const consumer of consumers) await consumer.close();
    },
  };
}

export const oneWay: Kind<OneWayCase, Half> = {
  name: 'one-way',
  title: 'One way at saturation',
  compared: 'rate',
  moreIsBetter: true,
  peer: 'zeromq.js ipc, JSON',
  metrics: [
    { key: 'rate', heading: 'k msg/s', scale: 1e-3, digits: 1 },
    { key: 'producerCpu', heading: 'CPU s/M, producer', scale: 1, digits: 2 },
    { key: 'consumerCpu', heading: 'CPU s/M, consumer', scale: 1, digits: 2 },
    { key: 'cpu', heading: 'CPU s/M, both', scale: 1, digits: 2 },
    { key: 'gc', heading: 'GC s/M, both', scale: 1, digits: 3 },
    { key: 'rss', heading: 'RSS MiB, all', scale: 2 ** -20, digits: 0 },
  ],
  nodeOptions: [],
  others: (testCase) => (testCase.producers ?? 1) + (testCase.consumers ?? 1) - 1,
  second: half,
  open,
};
