/**
 * zeromq.js used as its own guide shows: one awaited `send` after another, push and pull, request and reply. Its bounds are its own
 * defaults: 1,000 messages on each side.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { Pull, Push, Reply, Request } from 'zeromq';
import type { Case, OneWayCase, OpenLoopCase, Place, RoundTripCase, SizesCase } from '../contender.js';
import type { Body } from '../load/load.js';
import type { Order } from '../load/order.js';

/** Which of its transports. */
export type Carrier = 'ipc' | 'tcp';

interface Bindable {
  bind(address: string): Promise<void>;
  readonly lastEndpoint: string | null;
}

/** A port has no path, so the address is written to a file. */
async function bind(socket: Bindable, carrier: Carrier, place: Place, name: string): Promise<void> {
  const path = place.socketPath(name);
  await socket.bind(carrier === 'ipc' ? `ipc://${path}` : 'tcp://127.0.0.1:*');
  await writeFile(`${path}.address`, String(socket.lastEndpoint));
}

async function addressOf(place: Place, name: string): Promise<string> {
  return readFile(`${place.socketPath(name)}.address`, 'utf8');
}

/** Reads until the socket is closed. */
async function pull(carrier: Carrier, place: Place, name: string, onFrame: (frame: Buffer) => void) {
  const socket = new Pull();
  await bind(socket, carrier, place, name);
  const reading = (async () => {
    for await (const [frame] of socket) onFrame(frame as Buffer);
  })();
  return async () => {
    socket.close();
    await reading;
  };
}

async function push(place: Place, name: string): Promise<Push> {
  const socket = new Push();
  socket.connect(await addressOf(place, name));
  return socket;
}

function oneWay(carrier: Carrier, batch: number): OneWayCase {
  const batched = batch > 1;
  return {
    kind: 'one-way',
    name: `zeromq.js ${carrier}, JSON${batched ? ` arrays of ${batch}` : ''}`,
    ...(batched ? { detail: true as const } : {}),
    consume: (place, take) =>
      pull(carrier, place, 'json', (frame) => {
        const body: unknown = JSON.parse(String(frame));
        if (batched) for (const order of body as Order[]) take(order);
        else take(body as Order);
      }),
    async produce(place) {
      const socket = await push(place, 'json');
      return {
        async send(source) {
          while (source.more())
            await socket.send(JSON.stringify(batched ? source.batch(batch) : source.next()));
        },
        close: () => socket.close(),
      };
    },
  };
}

function sizes(carrier: Carrier): SizesCase {
  return {
    kind: 'sizes',
    name: `zeromq.js ${carrier}, raw`,
    consume: (place, take, size) => pull(carrier, place, `raw-${size}`, take),
    async produce(place, size) {
      const socket = await push(place, `raw-${size}`);
      return {
        async send(source) {
          while (source.more()) await socket.send(source.next() as Buffer);
        },
        close: () => socket.close(),
      };
    },
  };
}

/** One `send` at a time is all that it allows, so what comes meanwhile waits in a list. */
function openLoop(carrier: Carrier): OpenLoopCase {
  return {
    kind: 'open-loop',
    name: `zeromq.js ${carrier}, JSON`,
    consume: (place, take) =>
      pull(carrier, place, 'paced', (frame) => take(JSON.parse(String(frame)) as Order)),
    async produce(place) {
      const socket = await push(place, 'paced');
      const waiting: Body[] = [];
      let sending = false;
      let failure: unknown;
      const sendAll = async (): Promise<void> => {
        sending = true;
        for (let body = waiting.shift(); body !== undefined; body = waiting.shift()) {
          await socket.send(JSON.stringify(body));
        }
        sending = false;
      };
      return {
        submit(body) {
          if (failure !== undefined) throw failure;
          waiting.push(body);
          if (!sending)
            sendAll().catch((error) => {
              failure = error;
            });
        },
        close: () => socket.close(),
      };
    },
  };
}

function roundTrip(carrier: Carrier): RoundTripCase {
  return {
    kind: 'round-trip',
    name: `zeromq.js ${carrier} req/rep, JSON`,
    async respond(place) {
      const socket = new Reply();
      await bind(socket, carrier, place, 'ask');
      const replying = (async () => {
        for await (const [frame] of socket) await socket.send(JSON.stringify(JSON.parse(String(frame))));
      })();
      return async () => {
        socket.close();
        await replying;
      };
    },
    async request(place) {
      const socket = new Request();
      socket.connect(await addressOf(place, 'ask'));
      return {
        async exchange(order) {
          await socket.send(JSON.stringify(order));
          const [frame] = await socket.receive();
          return JSON.parse(String(frame)) as Order;
        },
        close: () => socket.close(),
      };
    },
  };
}

/** Everything over one of its transports. */
export function zeromqCases(carrier: Carrier): Case[] {
  return [
    oneWay(carrier, 1),
    oneWay(carrier, 256),
    sizes(carrier),
    roundTrip(carrier),
    ...(carrier === 'ipc' ? [openLoop(carrier)] : []),
  ];
}
