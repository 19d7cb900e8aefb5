/**
 * Upper bounds: the codec's work alone, in one process. What one core does in both directions, and what it does in one:
 * a producer on a core of its own cannot beat `encode`, nor a consumer `decode`.
 */

import type { CeilingCase } from '../contender.js';
import type { Measurement } from '../control.js';
import { cpuMicroseconds, cpuPerMillion } from '../cpu.js';
import type { Kind, Opened, Session } from '../kind.js';
import { makeOrder, type Order, orders } from '../load/order.js';
import { Sink } from '../load/sink.js';
import { Source } from '../load/source.js';
import { verify, windowOf } from '../load/verdict.js';

type Codec = ReturnType<CeilingCase['codec']>;

/** A ceiling has no second process. */
type Nothing = Record<string, never>;

/** Each of the three loops gets a third of the time. */
const LOOPS = 3;
const STRIDE = 64;

/** Calls `work` again and again for so long; calls a second. */
function rateOf(work: (sequence: number) => unknown, milliseconds: number): number {
  const start = performance.now();
  let now = start;
  let calls = 0;
  while (now - start < milliseconds) {
    for (let call = 0; call < STRIDE; call += 1) work(calls + call);
    calls += STRIDE;
    now = performance.now();
  }
  return (calls * 1000) / (now - start);
}

function bothWays(codec: Codec, runUp: number, milliseconds: number) {
  let cpu = 0;
  const sink = new Sink(orders, runUp, false, () => {
    cpu = cpuMicroseconds();
  });
  const source = new Source(orders, 0, runUp + milliseconds);
  while (source.more()) sink.take(codec.decode(codec.encode(source.next() as Order)));
  const spent = cpuMicroseconds() - cpu;
  const taken = sink.taken();
  verify([source], [taken]);
  const { messages, seconds } = windowOf([taken]);
  return { rate: messages / seconds, cpu: cpuPerMillion(spent, messages), messages: source.count };
}

function measure(codec: Codec, runUp: number, milliseconds: number): Measurement {
  const each = milliseconds / LOOPS;
  const both = bothWays(codec, runUp, each);
  const samples: Order[] = Array.from({ length: STRIDE }, (_order, sequence) => makeOrder(sequence));
  const encode = rateOf((sequence) => codec.encode(samples[sequence % STRIDE] as Order), each);
  const encoded = codec.encode(makeOrder(0));
  const kept: unknown = Buffer.isBuffer(encoded) ? Buffer.from(encoded) : encoded;
  const decode = rateOf(() => codec.decode(kept), each);
  return { metrics: { ...both, encode, decode, slower: Math.min(encode, decode) } };
}

async function open(testCase: CeilingCase, { job }: Session<Nothing>): Promise<Opened> {
  const codec = testCase.codec();
  return {
    warm: async (milliseconds) => measure(codec, 0, milliseconds).metrics.rate ?? 0,
    measure: async () => measure(codec, job.runUp, job.duration),
    close: async () => undefined,
  };
}

export const ceiling: Kind<CeilingCase, Nothing> = {
  name: 'ceiling',
  title: 'Ceiling: the codec alone, in one process, nothing sent',
  compared: 'rate',
  moreIsBetter: true,
  peer: 'JSON',
  metrics: [
    { key: 'rate', heading: 'k msg/s, both ways', scale: 1e-3, digits: 1 },
    { key: 'encode', heading: 'k msg/s, encode', scale: 1e-3, digits: 1 },
    { key: 'decode', heading: 'k msg/s, decode', scale: 1e-3, digits: 1 },
    { key: 'slower', heading: 'k msg/s, the slower', scale: 1e-3, digits: 1 },
    { key: 'cpu', heading: 'CPU s/M, both ways', scale: 1, digits: 2 },
  ],
  nodeOptions: [],
  others: () => 0,
  second: () => ({}),
  open,
};
