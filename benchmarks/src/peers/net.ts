/** Plain `net` sockets with length-prefixed MessagePack, with opaque bytes, and their floor: the same bytes sent back unread. */

import type { Socket } from 'node:net';
import { Packr } from 'msgpackr';
import type { Case, OneWayCase, OpenLoopCase, RoundTripCase, SizesCase } from '../contender.js';
import type { Body } from '../load/load.js';
import type { Order } from '../load/order.js';
import type { Source } from '../load/source.js';
import { FrameBatch, frame, frameSplitter, type SocketKind, writeFrame, writeOrWait } from './raw-socket.js';

const BATCH_BYTES = 65_536;
/** The biggest messages of which several fit a batch. */
const LARGEST_BATCHED = 16_384;

const codec = new Packr({ useRecords: false });

type SendAll = (socket: Socket, source: Source) => Promise<void>;

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

type SendBytes = (socket: Socket, source: Source) => Promise<void>;

const oneFrameEach: SendBytes = async (socket, source) => {
  while (source.more()) {
    const waiting = writeFrame(socket, source.next() as Buffer);
    if (waiting !== undefined) await waiting;
  }
};

const frameBatches: SendBytes = async (socket, source) => {
  const batch = new FrameBatch(BATCH_BYTES);
  while (source.more()) {
    const payload = source.next() as Buffer;
    if (batch.add(payload)) continue;
    const waiting = writeOrWait(socket, batch.take());
    batch.add(payload);
    if (waiting !== undefined) await waiting;
  }
  socket.write(batch.take());
};

function sizes({ listen, dial }: SocketKind, name: string, sendAll: SendBytes): SizesCase {
  return {
    kind: 'sizes',
    name,
    consume: (place, take, size) =>
      listen(place.socketPath(`raw-${size}`), (socket) => {
        socket.on(
          'data',
          frameSplitter((bytes, start, end) => take(bytes.subarray(start, end))),
        );
      }),
    async produce(place, size) {
      const socket = await dial(place.socketPath(`raw-${size}`));
      return { send: (source) => sendAll(socket, source), close: () => void socket.destroy() };
    },
  };
}

function openLoop({ listen, dial }: SocketKind, name: string): OpenLoopCase {
  return {
    kind: 'open-loop',
    name,
    consume: (place, take) =>
      listen(place.socketPath('paced'), (socket) => {
        socket.on(
          'data',
          frameSplitter((bytes, start, end) => take(decode(bytes, start, end))),
        );
      }),
    async produce(place) {
      const socket = await dial(place.socketPath('paced'));
      return {
        submit: (body) => void socket.write(frame(codec.pack(body))),
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
    load: 64,
    respond: (place) =>
      listen(place.socketPath('bytes'), (socket) => socket.on('data', (chunk) => socket.write(chunk))),
    async request(place) {
      const socket = await dial(place.socketPath('bytes'));
      let parts: Buffer[] = [];
      let missing = 0;
      let answered: (body: Body) => void = () => undefined;
      socket.on('data', (chunk) => {
        missing -= chunk.length;
        parts.push(chunk);
        if (missing === 0) answered(parts.length === 1 ? chunk : Buffer.concat(parts));
      });
      return {
        exchange: (body) =>
          new Promise((resolve) => {
            parts = [];
            missing = (body as Buffer).length;
            answered = resolve;
            socket.write(body as Buffer);
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
    { ...oneWay(kind, `${label}, MessagePack, 64 KiB a write`, oneWriteABatch), detail: true },
    sizes(kind, `${label}, one write a message`, oneFrameEach),
    { ...sizes(kind, `${label}, 64 KiB a write`, frameBatches), largest: LARGEST_BATCHED, detail: true },
    opaqueBytes(kind, `${label}, 64 B`),
    openLoop(kind, `${label}, MessagePack`),
  ];
}
