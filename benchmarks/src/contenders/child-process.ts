/** Node's own `child_process` IPC channel: `process.send` and `'message'`. */

import type { Case, Channel, OneWayCase, OpenLoopCase, RoundTripCase } from '../contender.js';
import type { Body } from '../load/load.js';

type Serialization = 'json' | 'advanced';

/** Resolves when the channel takes more: at once, or when a refused message has been written. */
function sendOrWait(channel: Channel, body: Body): Promise<void> | undefined {
  let written: (() => void) | undefined;
  const takesMore = channel.send(body, () => written?.());
  if (takesMore) return undefined;
  return new Promise((resolve) => {
    written = resolve;
  });
}

function oneWay(serialization: Serialization): OneWayCase {
  return {
    kind: 'one-way',
    name: `child_process, ${serialization}`,
    serialization,
    async consume({ channel }, take) {
      channel.onMessage((message) => take(message as Body));
      return () => undefined;
    },
    async produce({ channel }) {
      return {
        async send(source) {
          while (source.more()) {
            const waiting = sendOrWait(channel, source.next());
            if (waiting !== undefined) await waiting;
          }
        },
        close: () => undefined,
      };
    },
  };
}

function roundTrip(serialization: Serialization): RoundTripCase {
  return {
    kind: 'round-trip',
    name: `child_process, ${serialization}`,
    serialization,
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
}

const openLoop: OpenLoopCase = {
  kind: 'open-loop',
  name: 'child_process, json',
  async consume({ channel }, take) {
    channel.onMessage((message) => take(message as Body));
    return () => undefined;
  },
  async produce({ channel }) {
    return { submit: (body) => void channel.send(body), close: () => undefined };
  },
};

export const cases: readonly Case[] = [
  oneWay('json'),
  { ...oneWay('advanced'), detail: true },
  roundTrip('json'),
  { ...roundTrip('advanced'), detail: true },
  openLoop,
];
