/**
 * Whether a message costs the same with little and with much: the same work with both, in turns, in one process, which has both
 * ends; so that the difference is in the queue and not in the scheduling of processes.
 */

import type { ScalingCase } from '../contender.js';
import type { Measurement } from '../control.js';
import type { Kind, Opened, Session } from '../kind.js';
import { median } from '../statistics.js';

type Nothing = Record<string, never>;

const TURNS = 5;
/** Filling a mailbox and opening a thousand take a multiple of measuring. */
const OPENING = 30;
/** Messages between two looks at the clock. */
const MESSAGES = 1_000;

type Queue = Awaited<ReturnType<ScalingCase['open']>>;

/** Microseconds a message. */
async function costOf(queue: Queue, milliseconds: number): Promise<number> {
  const start = performance.now();
  let passed = 0;
  let now = start;
  while (now - start < milliseconds) {
    passed += await queue.pass(MESSAGES);
    now = performance.now();
  }
  return ((now - start) * 1000) / passed;
}

async function measure(few: Queue, many: Queue, milliseconds: number): Promise<Measurement> {
  const costs: { few: number[]; many: number[]; growth: number[] } = { few: [], many: [], growth: [] };
  for (let turn = 0; turn < TURNS; turn += 1) {
    const little = await costOf(few, milliseconds / TURNS / 2);
    const much = await costOf(many, milliseconds / TURNS / 2);
    costs.few.push(little);
    costs.many.push(much);
    costs.growth.push(much / little);
  }
  return {
    metrics: { growth: median(costs.growth), few: median(costs.few), many: median(costs.many) },
  };
}

async function open(testCase: ScalingCase, session: Session<Nothing>): Promise<Opened> {
  const { runUp, duration } = session.job;
  session.phase(`${testCase.few} to open`);
  const few = await testCase.open(session.place, testCase.few);
  session.phase(`${testCase.many} to open`);
  const many = await testCase.open(session.place, testCase.many);
  const both = async (milliseconds: number): Promise<number> =>
    (await costOf(few, milliseconds / 2)) + (await costOf(many, milliseconds / 2));
  return {
    warm: async (milliseconds) => 1 / (await both(milliseconds)),
    async measure() {
      session.phase('the messages to pass');
      await both(runUp);
      return measure(few, many, duration);
    },
    async close() {
      await few.close();
      await many.close();
    },
  };
}

export const scaling: Kind<ScalingCase, Nothing> = {
  name: 'scaling',
  title: 'Cost a message with little and with much, both ends in one process',
  compared: 'growth',
  moreIsBetter: false,
  peer: undefined,
  metrics: [
    { key: 'few', heading: 'µs a message, little', scale: 1, digits: 2 },
    { key: 'many', heading: 'µs a message, much', scale: 1, digits: 2 },
    { key: 'growth', heading: 'times', scale: 1, digits: 2 },
  ],
  nodeOptions: [],
  length: () => OPENING,
  steady: true,
  others: () => 0,
  second: () => ({}),
  open,
};
