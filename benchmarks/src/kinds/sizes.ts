/** Throughput by size: opaque bytes from 16 B to 16 MiB, one producer and one consumer, opened anew for each size. */

import type { Place, SizesCase } from '../contender.js';
import type { Job, Measurement } from '../control.js';
import type { Kind, Session } from '../kind.js';
import { loadNamed, sizeText } from '../load/load.js';
import { Sink } from '../load/sink.js';
import { type Sent, Source } from '../load/source.js';
import { verify, windowOf } from '../load/verdict.js';
import { drained } from './drained.js';

/** Bytes. */
const SIZES = [16, 64, 1024, 16_384, 65_536, 2 ** 20, 2 ** 24];
const QUICK_SIZES = [64, 65_536, 2 ** 20];
/** Each size has this share of the warm-up and of the duration of other cases. */
const SHARE = 0.4;

interface Half {
  /** Opens the producer for that size, sends, and closes once the consumer says so. */
  send(size: number): Promise<Sent>;
  open(size: number): Promise<void>;
  close(): Promise<void>;
}

/** The figure of a size, in messages a second. */
export function rateKey(size: number): string {
  return `rate${size}`;
}

/** The sizes that were measured, by a result's figures. */
export function sizesOf(metrics: Readonly<Record<string, unknown>>): number[] {
  return SIZES.filter((size) => metrics[rateKey(size)] !== undefined);
}

function sizesFor(testCase: SizesCase, quick: boolean): number[] {
  const { largest = Number.POSITIVE_INFINITY } = testCase;
  return (quick ? QUICK_SIZES : SIZES).filter((size) => size <= largest);
}

function producerHalf(testCase: SizesCase, job: Job, place: Place): Half {
  let producer: Awaited<ReturnType<SizesCase['produce']>> | undefined;
  return {
    async open(size) {
      producer = await testCase.produce(place, size);
    },
    async send(size) {
      const source = new Source(loadNamed(size), 0, (job.warmup + job.duration) * SHARE);
      await producer?.send(source);
      return { count: source.count, checksum: source.checksum };
    },
    async close() {
      await producer?.close();
      producer = undefined;
    },
  };
}

/** Messages a second of that size. */
async function measureSize(testCase: SizesCase, session: Session<Half>, size: number): Promise<number> {
  const { place, second, job } = session;
  const sink = new Sink(loadNamed(size), job.warmup * SHARE);
  session.phase(`messages of ${sizeText(size)}`);
  const close = await testCase.consume(place, sink.take, size);
  await second.open(size);
  const sent = await second.send(size);
  await drained(sent.count, () => sink.count);
  await second.close();
  await close();
  const taken = sink.taken();
  verify([sent], [taken]);
  const { messages, seconds } = windowOf([taken]);
  return messages / seconds;
}

async function lead(testCase: SizesCase, session: Session<Half>): Promise<Measurement> {
  await session.ready();
  const metrics: Record<string, number> = {};
  for (const size of sizesFor(testCase, session.job.quick)) {
    const rate = await measureSize(testCase, session, size);
    metrics[rateKey(size)] = rate;
    metrics[`bandwidth${size}`] = rate * size;
  }
  return { metrics };
}

export const sizes: Kind<SizesCase, Half> = {
  name: 'sizes',
  title: 'One way at saturation by size: opaque bytes, thousands of messages a second',
  compared: rateKey(64),
  moreIsBetter: true,
  peer: 'zeromq.js ipc, raw',
  metrics: SIZES.map((size) => ({
    key: rateKey(size),
    heading: sizeText(size),
    scale: 1e-3,
    digits: size > 100_000 ? 3 : 1,
  })),
  nodeOptions: [],
  length: ({ quick }) => (quick ? QUICK_SIZES : SIZES).length * SHARE,
  others: () => 1,
  second: producerHalf,
  lead,
};
