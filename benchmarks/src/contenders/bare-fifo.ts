/**
 * Bare FIFOs, one each way, as Node.js reads and writes them: one write a message, packed as MessagePack; and their floor, the same bytes sent
 * back unread. A FIFO is a pipe that has a name (fifo(7)), so this is what pipes cost, too.
 */

import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { makeFifo } from '@pigeonhole/native';
import { Packr } from 'msgpackr';
import type { Case, OneWayCase, Place, RoundTripCase } from '../contender.js';
import type { Body } from '../load/load.js';
import type { Order } from '../load/order.js';
import { frame, frameSplitter, writeOrWait } from '../peers/raw-socket.js';

const codec = new Packr({ useRecords: false });

/** Opened for writing, too: opening waits for nobody then, and nobody who leaves ends the stream. */
function reader(path: string): Socket {
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  return new Socket({ fd, readable: true, writable: false });
}

function writer(path: string): Socket {
  const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  return new Socket({ fd, readable: false, writable: true });
}

function made(place: Place, name: string): string {
  const path = place.socketPath(name);
  makeFifo(path);
  return path;
}

const oneWay: OneWayCase = {
  kind: 'one-way',
  name: 'bare FIFO, MessagePack, one write a message',
  detail: true,
  async consume(place, take) {
    const socket = reader(made(place, 'pack'));
    socket.on(
      'data',
      frameSplitter((bytes, start, end) => take(codec.unpack(bytes.subarray(start, end)) as Order)),
    );
    return () => void socket.destroy();
  },
  async produce(place) {
    const socket = writer(place.socketPath('pack'));
    return {
      send: async (source) => {
        while (source.more()) {
          const waiting = writeOrWait(socket, frame(codec.pack(source.next())));
          if (waiting !== undefined) await waiting;
        }
      },
      close: () => void socket.destroy(),
    };
  },
};

const opaqueBytes: RoundTripCase = {
  kind: 'round-trip',
  name: 'bare FIFO, 64 B',
  detail: true,
  load: 64,
  async respond(place) {
    const questions = reader(made(place, 'there'));
    made(place, 'back');
    let back: Socket | undefined;
    questions.on('data', (chunk) => {
      back ??= writer(place.socketPath('back')); // who asks reads it by now
      back.write(chunk);
    });
    return () => {
      questions.destroy();
      back?.destroy();
    };
  },
  async request(place) {
    const there = writer(place.socketPath('there'));
    const back = reader(place.socketPath('back'));
    let answered: (body: Body) => void = () => undefined;
    // 64 bytes are written, and read, as one piece (PIPE_BUF).
    back.on('data', (chunk) => answered(chunk));
    return {
      exchange: (body) =>
        new Promise((resolve) => {
          answered = resolve;
          there.write(body as Buffer);
        }),
      close: () => {
        there.destroy();
        back.destroy();
      },
    };
  },
};

export const cases: readonly Case[] = [oneWay, opaqueBytes];
