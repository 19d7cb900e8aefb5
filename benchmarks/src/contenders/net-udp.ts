/**
 * A bare UDP socket on loopback, one datagram a message, packed as MessagePack; and its floor, the same bytes neither packed nor read.
 *
 * Without any flow control most of it would be lost, so the consumer answers each 64th message, and the producer has at most 128
 * under way: the least that brings all of them over.
 */

import { createSocket, type Socket } from 'node:dgram';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { Packr } from 'msgpackr';
import type { Case, OneWayCase, Place, RoundTripCase } from '../contender.js';
import type { Body } from '../load/load.js';
import type { Order } from '../load/order.js';

const ANSWER_EACH = 64;
const UNDER_WAY = 128;

const codec = new Packr({ useRecords: false });

async function open(): Promise<Socket> {
  // Without a look-up, which would put each datagram off to a later tick.
  const lookup = (host: string, _: unknown, done: (error: null, address: string, family: number) => void) =>
    done(null, host, 4);
  const socket = createSocket({ type: 'udp4', lookup: lookup as never });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket;
}

/** A port has no path, so its number is written to a file. */
async function listen(place: Place, name: string): Promise<Socket> {
  const socket = await open();
  const path = place.socketPath(name);
  writeFileSync(`${path}.new`, String((socket.address() as AddressInfo).port));
  renameSync(`${path}.new`, path);
  return socket;
}

async function dial(place: Place, name: string): Promise<{ socket: Socket; send(bytes: Buffer): void }> {
  const socket = await open();
  const port = Number(readFileSync(place.socketPath(name), 'utf8'));
  return { socket, send: (bytes) => socket.send([bytes], port, '127.0.0.1') };
}

const oneWay: OneWayCase = {
  kind: 'one-way',
  name: 'bare UDP, MessagePack, one datagram a message',
  detail: true,
  async consume(place, take) {
    const socket = await listen(place, 'pack');
    let taken = 0;
    socket.on('message', (datagram, { port, address }) => {
      take(codec.unpack(datagram) as Order);
      if (++taken % ANSWER_EACH === 0) socket.send([Buffer.alloc(1)], port, address);
    });
    return () => void socket.close();
  },
  async produce(place) {
    const { socket, send } = await dial(place, 'pack');
    let underWay = 0;
    let room: () => void = () => undefined;
    socket.on('message', () => {
      underWay -= ANSWER_EACH;
      room();
    });
    return {
      send: async (source) => {
        while (source.more()) {
          if (underWay >= UNDER_WAY)
            await new Promise<void>((resolve) => {
              room = resolve;
            });
          underWay++;
          send(codec.pack(source.next()));
        }
      },
      close: () => void socket.close(),
    };
  },
};

const opaqueBytes: RoundTripCase = {
  kind: 'round-trip',
  name: 'bare UDP, 64 B',
  detail: true,
  load: 64,
  async respond(place) {
    const socket = await listen(place, 'bytes');
    socket.on('message', (datagram, { port, address }) => socket.send([datagram], port, address));
    return () => void socket.close();
  },
  async request(place) {
    const { socket, send } = await dial(place, 'bytes');
    let answered: (body: Body) => void = () => undefined;
    socket.on('message', (datagram) => answered(datagram));
    return {
      exchange: (body) =>
        new Promise((resolve) => {
          answered = resolve;
          send(body as Buffer);
        }),
      close: () => void socket.close(),
    };
  },
};

export const cases: readonly Case[] = [oneWay, opaqueBytes];
