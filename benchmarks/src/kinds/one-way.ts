/**
 * Throughput: a producing and a consuming process. The rate is the consumer's own count over the window that opens
 * when its warm-up ends; messages sent but never taken do not count, and fail the case.
 */

import type { Close, OneWayCase, Place, Producer } from '../contender.js';
import type { Job, Metrics } from '../control.js';
import { cpuMicroseconds, cpuPerMillion } from '../cpu.js';
import type { Kind, Session } from '../kind.js';
import { OrderSink, OrderSource } from '../order.js';

/** What the producer says it did. */
interface Sent {
  count: number;
  checksum: number;
  /** CPU seconds per million messages, after the warm-up. */
  cpu: number;
}

/** The producing process's half. */
interface ProducerHalf {
  open(): Promise<void>;
  send(): Promise<Sent>;
  close(): Promise<void>;
}

async function sendForDuration(producer: Producer, job: Job): Promise<Sent> {
  let cpu = 0;
  let warmCount = 0;
  const source = new OrderSource(job.warmup + job.duration, job.warmup, () => {
    cpu = cpuMicroseconds();
    warmCount = source.count;
  });
  await producer.send(source);
  const spent = cpuMicroseconds() - cpu;
  return {
    count: source.count,
    checksum: source.checksum,
    cpu: cpuPerMillion(spent, source.count - warmCount),
  };
}

function producerHalf(testCase: OneWayCase, job: Job, place: Place): ProducerHalf {
  let producer: Producer | undefined;
  const opened = (): Producer => {
    if (producer === undefined) throw new Error('the producer is not open');
    return producer;
  };
  return {
    async open() {
      producer = await testCase.produce(place);
    },
    send: () => sendForDuration(opened(), job),
    async close() {
      await opened().close();
    },
  };
}

function verify(sink: OrderSink, sent: Sent): void {
  if (sink.fault !== undefined) throw new Error(`sequence broken: ${sink.fault}`);
  if (sink.count !== sent.count) throw new Error(`sent ${sent.count} messages, received ${sink.count}`);
  if (sink.checksum !== sent.checksum)
    throw new Error(`checksum sent ${sent.checksum}, received ${sink.checksum}`);
}

async function consume(session: Session<ProducerHalf>, sink: OrderSink): Promise<Sent> {
  session.phase('the producer to open');
  await session.second.open();
  await session.ready();
  session.phase('the producer to send for its duration');
  const sent = await session.second.send();
  session.phase(`the consumer to take ${sent.count} messages`);
  await sink.until(sent.count);
  return sent;
}

async function closeBoth(session: Session<ProducerHalf>, close: Close): Promise<void> {
  session.phase('the producer to close');
  await session.second.close();
  session.phase('the consumer to close');
  await close();
}

async function lead(testCase: OneWayCase, session: Session<ProducerHalf>): Promise<Metrics> {
  let cpu = 0;
  const sink = new OrderSink(session.job.warmup, () => {
    cpu = cpuMicroseconds();
  });
  session.phase('the consumer to open');
  const close = await testCase.consume(session.place, sink.take);
  const sent = await consume(session, sink);
  const spent = cpuMicroseconds() - cpu;
  await closeBoth(session, close);
  verify(sink, sent);
  const { messages, seconds } = sink.window();
  if (messages === 0) throw new Error(`no message in the measured window; ${sent.count} in all`);
  return {
    rate: messages / seconds,
    producerCpu: sent.cpu,
    consumerCpu: cpuPerMillion(spent, messages),
    messages: sent.count,
  };
}

export const oneWay: Kind<OneWayCase, ProducerHalf> = {
  name: 'one-way',
  title: 'One way: one producer, one consumer',
  compared: 'rate',
  moreIsBetter: true,
  peer: 'zeromq.js push/pull, JSON',
  metrics: [
    { key: 'rate', heading: 'k msg/s', scale: 1e-3, digits: 1 },
    { key: 'producerCpu', heading: 'CPU s/M, producer', scale: 1, digits: 2 },
    { key: 'consumerCpu', heading: 'CPU s/M, consumer', scale: 1, digits: 2 },
  ],
  processes: 2,
  nodeOptions: [],
  second: producerHalf,
  lead,
};
