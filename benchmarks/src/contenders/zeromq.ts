/** zeromq.js over its `ipc://` transport, with JSON, used as its own guide shows: one awaited `send` after another. */

import { Pull, Push, Reply, Request } from 'zeromq';
import type { Case, OneWayCase, Place, RoundTripCase } from '../contender.js';
import type { Order } from '../order.js';

function address(place: Place): string {
  return `ipc://${place.socketPath('zmq')}`;
}

/** Reads until the socket is closed. `batched` says whether a message is an array of orders. */
async function pullAll(socket: Pull, batched: boolean, take: (order: Order) => void): Promise<void> {
  for await (const [frame] of socket) {
    const body: unknown = JSON.parse(String(frame));
    if (batched) for (const order of body as Order[]) take(order);
    else take(body as Order);
  }
}

function oneWay(name: string, batch: number): OneWayCase {
  return {
    kind: 'one-way',
    name,
    async consume(place, take) {
      const socket = new Pull();
      await socket.bind(address(place));
      const reading = pullAll(socket, batch > 1, take);
      return async () => {
        socket.close();
        await reading;
      };
    },
    async produce(place) {
      const socket = new Push();
      socket.connect(address(place));
      return {
        async send(source) {
          while (source.more()) {
            await socket.send(JSON.stringify(batch > 1 ? source.batch(batch) : source.next()));
          }
        },
        close: () => socket.close(),
      };
    },
  };
}

const roundTrip: RoundTripCase = {
  kind: 'round-trip',
  name: 'zeromq.js req/rep, JSON',
  async respond(place) {
    const socket = new Reply();
    await socket.bind(address(place));
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
    socket.connect(address(place));
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

export const cases: readonly Case[] = [
  oneWay('zeromq.js push/pull, JSON', 1),
  oneWay('zeromq.js push/pull, JSON arrays of 256', 256),
  roundTrip,
];
