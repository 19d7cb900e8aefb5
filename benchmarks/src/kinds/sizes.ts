/** Throughput by size: opaque bytes from 16 B to 16 MiB, one producer and one consumer, opened anew for each size. */

import type { Place, SizesCase } from '../contender.js';
import type { Measurement } from '../control.js';
import type { Kind, Opened, Session } from '../kind.js';
import { loadNamed, sizeText } from '../load/load.js';
import { Sink } from '../load/sink.js';
import { type Sent, Source } from '../load/source.js';
import { verify, windowOf } from '../load/verdict.js';
import { drained } from './drained.js';

/** Bytes. */
const SIZES = [16, 64, 1024, 16_384, 65_536, 2 ** 20, 2 ** 24];
const QUICK_SIZES = [64, 65_536, 2 ** 20];
/** Each size has this share of what other cases have. */
const SHARE = 0.4;

interface Half {
  /** Opens the producer for that size, sends, and closes once the consumer says so. */
  send(span: { size: number; milliseconds: number }): Promise<Sent>;
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

function producerHalf(testCase: SizesCase, _job: unknown, place: Place): Half {
  let producer: Awaited<ReturnType<SizesCase['produce']>> | undefined;
  return {
    async open(size) {
      producer = await testCase.produce(place, size);
    },
    async send({ size, milliseconds }) {
      const source = new Source(loadNamed(size), 0, milliseconds);
      await producer?.send(source);
      return { count: source.count, checksum: source.checksum };
    },
    async close() {
      await producer?.close();
      producer = undefined;
    },
  };
}

/** Messages a second of that size, after `runUp` of the milliseconds. */
async function measureSize(
  testCase: SizesCase,
  { place, second, phase }: Session<Half>,
  size: number,
  span: { runUp: number; milliseconds: number },
): Promise<number> {
  const sink = new Sink(loadNamed(size), span.runUp);
  phase(`messages of ${sizeText(size)}`);
  const close = await testCase.consume(place, sink.take, size);
  await second.open(size);
  const sent = await second.send({ size, milliseconds: span.milliseconds });
  await drained(sent.count, () => sink.count);
  await second.close();
  await close();
  const taken = sink.taken();
  verify([sent], [taken]);
  const { messages, seconds } = windowOf([taken]);
  return messages / seconds;
}

async function measure(testCase: SizesCase, session: Session<Half>): Promise<Measurement> {
  const { quick, runUp, duration } = session.job;
  const metrics: Record<string, number> = {};
  for (const size of sizesFor(testCase, quick)) {
    const span = { runUp: runUp * SHARE, milliseconds: (runUp + duration) * SHARE };
    const rate = await measureSize(testCase, session, size, span);
    metrics[rateKey(size)] = rate;
    metrics[`bandwidth${size}`] = rate * size;
  }
  return { metrics };
}

/** All sizes in one window. The geometric mean of their rates: each size counts alike. */
async function warm(testCase: SizesCase, session: Session<Half>, milliseconds: number): Promise<number> {
  const all = sizesFor(testCase, session.job.quick);
  let logarithms = 0;
  for (const size of all) {
    const span = { runUp: 0, milliseconds: milliseconds / all.length };
    logarithms += Math.log(await measureSize(testCase, session, size, span));
  }
  return Math.exp(logarithms / all.length);
}

async function open(testCase: SizesCase, session: Session<Half>): Promise<Opened> {
  return {
    warm: (milliseconds) => warm(testCase, session, milliseconds),
    measure: () => measure(testCase, session),
    close: async () => undefined,
  };
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
  open,
};
