/** Node's own `child_process` IPC channel: `process.send` and `'message'`. */

import type { Case, Channel, OneWayCase, RoundTripCase } from '../contender.js';
import type { Order } from '../order.js';

/** Resolves when the channel takes more: at once, or when a refused message has been written. */
function sendOrWait(channel: Channel, order: Order): Promise<void> | undefined {
  let written: (() => void) | undefined;
  const takesMore = channel.send(order, () => written?.());
  if (takesMore) return undefined;
  return new Promise((resolve) => {
    written = resolve;
  });
}

function oneWay(serialization: 'json' | 'advanced'): OneWayCase {
  return {
    kind: 'one-way',
    name: `child_process IPC, ${serialization}`,
    serialization,
    async consume({ channel }, take) {
      channel.onMessage((message) => take(message as Order));
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

const roundTrip: RoundTripCase = {
  kind: 'round-trip',
  name: 'child_process IPC, json',
  async respond({ channel }) {
    channel.onMessage((message) => channel.send(message as Order));
    return () => undefined;
  },
  async request({ channel }) {
    let answer: (order: Order) => void = () => undefined;
    channel.onMessage((message) => answer(message as Order));
    return {
      exchange: (order) =>
        new Promise((resolve) => {
          answer = resolve;
          channel.send(order);
        }),
      close: () => undefined,
    };
  },
};

export const cases: readonly Case[] = [oneWay('json'), oneWay('advanced'), roundTrip];
