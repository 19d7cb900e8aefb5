/** A plain `net` socket with length-prefixed MessagePack, and its floor: the same bytes, neither packed nor read. */

import type { Socket } from 'node:net';
import { Packr } from 'msgpackr';
import type { Case, OneWayCase, RoundTripCase } from '../contender.js';
import { makeOrder, type Order, type OrderSource } from '../order.js';
import { FrameBatch, frame, frameSplitter, type SocketKind, unixSocket, writeOrWait } from '../raw-socket.js';

const BATCH_BYTES = 65_536;

const codec = new Packr({ useRecords: false });

type SendAll = (socket: Socket, source: OrderSource) => Promise<void>;

function decode(bytes: Buffer, start: number, end: number): Order {
  return codec.unpack(bytes.subarray(start, end)) as Order;
}

const oneWriteEach: SendAll = async (socket, source) => {
  while (source.more()) {
    const waiting = writeOrWait(socket, frame(codec.pack(source.next())));
    if (waiting !== undefined) await waiting;
  }
};

const oneWriteABatch: SendAll = async (socket, source) => {
  const batch = new FrameBatch(BATCH_BYTES);
  while (source.more()) {
    const payload = codec.pack(source.next());
    if (batch.add(payload)) continue;
    const waiting = writeOrWait(socket, batch.take());
    batch.add(payload);
    if (waiting !== undefined) await waiting;
  }
  socket.write(batch.take());
};

function oneWay({ listen, dial }: SocketKind, name: string, sendAll: SendAll): OneWayCase {
  return {
    kind: 'one-way',
    name,
    consume: (place, take) =>
      listen(place.socketPath('pack'), (socket) => {
        socket.on(
          'data',
          frameSplitter((bytes, start, end) => take(decode(bytes, start, end))),
        );
      }),
    async produce(place) {
      const socket = await dial(place.socketPath('pack'));
      return {
        send: (source) => sendAll(socket, source),
        close: () => void socket.destroy(),
      };
    },
  };
}

/** The mechanism's own cost: no framing, no codec. Every answer is as long as the question, so bytes are counted. */
function opaqueBytes({ listen, dial }: SocketKind, name: string): RoundTripCase {
  return {
    kind: 'round-trip',
    name,
    respond: (place) =>
      listen(place.socketPath('bytes'), (socket) => socket.on('data', (chunk) => socket.write(chunk))),
    async request(place) {
      const socket = await dial(place.socketPath('bytes'));
      const payload = codec.pack(makeOrder(0));
      let missing = 0;
      let answered: () => void = () => undefined;
      socket.on('data', (chunk) => {
        missing -= chunk.length;
        if (missing === 0) answered();
      });
      return {
        exchange: (order) =>
          new Promise((resolve) => {
            missing = payload.length;
            answered = () => resolve(order);
            socket.write(payload);
          }),
        close: () => void socket.destroy(),
      };
    },
  };
}

/** `label` begins the name of each case. */
export function netCases(kind: SocketKind, label: string): readonly Case[] {
  return [
    oneWay(kind, `${label}, MessagePack, one write a message`, oneWriteEach),
    oneWay(kind, `${label}, MessagePack, 64 KiB a write`, oneWriteABatch),
    opaqueBytes(kind, `${label}, 107 opaque bytes`),
  ];
}

export const cases = netCases(unixSocket, 'net');
