/**
 * Throughput: producing and consuming processes. The rate is the consumers' own count over the window that opens
 * when their warm-up ends; messages sent but never taken do not count, and fail the case.
 */

import type { Close, OneWayCase, Place, Producer } from '../contender.js';
import type { Job, Measurement } from '../control.js';
import { cpuMicroseconds, cpuPerMillion } from '../cpu.js';
import { GarbageClock } from '../garbage.js';
import type { Kind, Remote, Session } from '../kind.js';
import { loadNamed } from '../load/load.js';
import { Sink, type Taken } from '../load/sink.js';
import { type Sent, Source } from '../load/source.js';
import { verify, windowOf } from '../load/verdict.js';
import { drained } from './drained.js';

/** What one side cost after the warm-up: microseconds of CPU and of collecting garbage, and bytes that are resident. */
interface Cost {
  readonly cpu: number;
  readonly gc: number;
  readonly rss: number;
}

interface Produced extends Sent, Cost {
  readonly measured: number;
}

interface Consumed extends Taken, Cost {}

/** Counts what this process spends from the end of the warm-up. */
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

/** Another process's half: a producer's or a consumer's. */
interface Half {
  open(): Promise<void>;
  send(): Promise<Produced>;
  count(): number;
  consumed(): Consumed;
  close(): Promise<void>;
}

function producerHalf(testCase: OneWayCase, job: Job, place: Place, index: number): Partial<Half> {
  let producer: Producer | undefined;
  return {
    async open() {
      producer = await testCase.produce(place, index);
    },
    async send() {
      const meter = new Meter();
      let warmCount = 0;
      const source = new Source(
        loadNamed(testCase.load ?? 'order'),
        index,
        job.warmup + job.duration,
        job.warmup,
        () => {
          meter.start();
          warmCount = source.count;
        },
      );
      await producer?.send(source);
      const { count, checksum } = source;
      return { count, checksum, measured: count - warmCount, ...meter.cost() };
    },
    close: async () => producer?.close(),
  };
}

function consumerHalf(testCase: OneWayCase, job: Job, place: Place): Half {
  const shared = (testCase.consumers ?? 1) > 1;
  let close: Close = () => undefined;
  const meter = new Meter();
  const sink = new Sink(loadNamed(testCase.load ?? 'order'), job.warmup, shared, meter.start);
  return {
    async open() {
      close = await testCase.consume(place, sink.take);
    },
    send: () => Promise.reject(new Error('a consumer does not send')),
    count: () => sink.count,
    consumed: () => ({ ...sink.taken(), ...meter.cost() }),
    close: async () => close(),
  };
}

/** Producers first, then the consumers beside the leading one. */
function half(testCase: OneWayCase, job: Job, place: Place): Half {
  const producers = testCase.producers ?? 1;
  return job.index < producers
    ? (producerHalf(testCase, job, place, job.index) as Half)
    : consumerHalf(testCase, job, place);
}

type Consumer = Pick<Remote<Half>, 'open' | 'count' | 'consumed' | 'close'>;

/** This process's consumer, called as the others are. */
function localConsumer(own: Half): Consumer {
  return {
    open: () => own.open(),
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

async function lead(testCase: OneWayCase, session: Session<Half>): Promise<Measurement> {
  const producers = session.seconds.slice(0, testCase.producers ?? 1);
  const own = localConsumer(consumerHalf(testCase, session.job, session.place));
  const consumers: Consumer[] = [own, ...session.seconds.slice(producers.length)];
  session.phase('the consumers to open');
  for (const consumer of consumers) await consumer.open();
  session.phase('the producers to open');
  for (const producer of producers) await producer.open();
  await session.ready();
  session.phase('the producers to send for their duration');
  const produced = await Promise.all(producers.map((producer) => producer.send()));
  const total = sum(produced.map(({ count }) => count));
  session.phase(`the consumers to take ${total} messages`);
  await drained(total, async () => sum(await Promise.all(consumers.map((consumer) => consumer.count()))));
  const consumed = await Promise.all(consumers.map((consumer) => consumer.consumed()));
  session.phase('the producers to close');
  for (const producer of producers) await producer.close();
  session.phase('the consumers to close');
  for (const consumer of consumers) await consumer.close();
  verify(produced, consumed);
  const { messages, seconds } = windowOf(consumed);
  return { metrics: { rate: messages / seconds, ...costs(testCase, produced, consumed), messages: total } };
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
  lead,
};
