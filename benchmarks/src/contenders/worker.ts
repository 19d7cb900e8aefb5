/**
 * `postMessage` between a worker thread and the main one: no process boundary, and no bound of its own. So that the producer does not fill
 * the memory, the consumer answers each 256th message, and at most 2,048 are under way.
 */

import type { Case, Channel, OneWayCase, OpenLoopCase, RoundTripCase, SizesCase } from '../contender.js';
import type { Body } from '../load/load.js';
import type { Source } from '../load/source.js';

const ANSWER_EACH = 256;
const UNDER_WAY = 2_048;
const UNDER_WAY_BYTES = 2 ** 26;

function consumeAnswering(channel: Channel, answerEach: number, take: (body: Body) => void): void {
  let taken = 0;
  channel.onMessage((message) => {
    take(message as Body);
    taken += 1;
    if (taken % answerEach === 0) channel.send({ taken: answerEach });
  });
}

function producer(channel: Channel, most: number) {
  let underWay = 0;
  let room: () => void = () => undefined;
  channel.onMessage((message) => {
    underWay -= (message as { taken: number }).taken;
    room();
  });
  return {
    async send(source: Source): Promise<void> {
      while (source.more()) {
        if (underWay >= most)
          await new Promise<void>((resolve) => {
            room = resolve;
          });
        underWay += 1;
        channel.send(source.next());
      }
    },
    close: () => undefined,
  };
}

const oneWay: OneWayCase = {
  kind: 'one-way',
  name: 'worker postMessage',
  others: 'threads',
  async consume({ channel }, take) {
    consumeAnswering(channel, ANSWER_EACH, take);
    return () => undefined;
  },
  produce: async ({ channel }) => producer(channel, UNDER_WAY),
};

function underWay(size: number): number {
  return Math.max(4, Math.min(UNDER_WAY, Math.floor(UNDER_WAY_BYTES / size)));
}

const sizes: SizesCase = {
  kind: 'sizes',
  name: 'worker postMessage',
  others: 'threads',
  detail: true,
  async consume({ channel }, take, size) {
    consumeAnswering(channel, Math.max(1, Math.min(ANSWER_EACH, underWay(size) / 4)), take);
    return () => undefined;
  },
  produce: async ({ channel }, size) => {
    const { send, close } = producer(channel, underWay(size));
    // A slice of the pool of small buffers would be sent with the whole pool.
    const alone = (source: Source): Source =>
      Object.assign(Object.create(source) as Source, {
        next: () => new Uint8Array(source.next() as Uint8Array),
      });
    return { send: (source) => send(alone(source)), close };
  },
};

const roundTrip: RoundTripCase = {
  kind: 'round-trip',
  name: 'worker postMessage',
  others: 'threads',
  async respond({ channel }) {
    channel.onMessage((message) => channel.send(message as Body));
    return () => undefined;
  },
  async request({ channel }) {
    let answer: (body: Body) => void = () => undefined;
    channel.onMessage((message) => answer(message as Body));
    return {
      exchange: (body) =>
        new Promise((resolve) => {
          answer = resolve;
          channel.send(body);
        }),
      close: () => undefined,
    };
  },
};

const openLoop: OpenLoopCase = {
  kind: 'open-loop',
  name: 'worker postMessage',
  others: 'threads',
  async consume({ channel }, take) {
    channel.onMessage((message) => take(message as Body));
    return () => undefined;
  },
  produce: async ({ channel }) => ({
    submit: (body) => void channel.send(body),
    close: () => undefined,
  }),
};

export const cases: readonly Case[] = [oneWay, sizes, roundTrip, openLoop];
