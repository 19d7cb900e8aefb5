/** A plain `net` connection over a Unix socket with one JSON text a line: what one writes by hand in a quarter of an hour. */

import type { Socket } from 'node:net';
import type { Case, OneWayCase, RoundTripCase } from '../contender.js';
import type { Order } from '../load/order.js';
import type { Source } from '../load/source.js';
import { lineSplitter, unixSocket, writeOrWait } from '../peers/raw-socket.js';

const BATCH_CHARACTERS = 65_536;

type SendAll = (socket: Socket, source: Source) => Promise<void>;

const oneWriteEach: SendAll = async (socket, source) => {
  while (source.more()) {
    const waiting = writeOrWait(socket, `${JSON.stringify(source.next())}\n`);
    if (waiting !== undefined) await waiting;
  }
};

const oneWriteABatch: SendAll = async (socket, source) => {
  let text = '';
  while (source.more()) {
    text += `${JSON.stringify(source.next())}\n`;
    if (text.length < BATCH_CHARACTERS) continue;
    const waiting = writeOrWait(socket, text);
    text = '';
    if (waiting !== undefined) await waiting;
  }
  socket.write(text);
};

function oneWay(name: string, sendAll: SendAll): OneWayCase {
  return {
    kind: 'one-way',
    name,
    consume: (place, take) =>
      unixSocket.listen(place.socketPath('json'), (socket) => {
        socket.on(
          'data',
          lineSplitter((line) => take(JSON.parse(line) as Order)),
        );
      }),
    async produce(place) {
      const socket = await unixSocket.dial(place.socketPath('json'));
      return {
        send: (source) => sendAll(socket, source),
        close: () => void socket.destroy(),
      };
    },
  };
}

const roundTrip: RoundTripCase = {
  kind: 'round-trip',
  name: 'net Unix, JSON lines',
  detail: true,
  respond: (place) =>
    unixSocket.listen(place.socketPath('json'), (socket) => {
      socket.on(
        'data',
        lineSplitter((line) => socket.write(`${JSON.stringify(JSON.parse(line))}\n`)),
      );
    }),
  async request(place) {
    const socket = await unixSocket.dial(place.socketPath('json'));
    let answer: (order: Order) => void = () => undefined;
    socket.on(
      'data',
      lineSplitter((line) => answer(JSON.parse(line) as Order)),
    );
    return {
      exchange: (body) =>
        new Promise((resolve) => {
          answer = resolve;
          socket.write(`${JSON.stringify(body)}\n`);
        }),
      close: () => void socket.destroy(),
    };
  },
};

export const cases: readonly Case[] = [
  oneWay('net Unix, JSON lines, one write a message', oneWriteEach),
  { ...oneWay('net Unix, JSON lines, 64 KiB a write', oneWriteABatch), detail: true },
  roundTrip,
];
