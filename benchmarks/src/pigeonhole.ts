/** Our own cases, the same for every transport: a transport's contender file is one line. */

import { setImmediate as turn } from 'node:timers/promises';
import {
  createRuntime,
  mailbox,
  PigeonholeError,
  type Receiver,
  type Runtime,
  type Sender,
} from '@pigeonhole/core';
import type { Case, FootprintCase, OneWayCase, Place, RoundTripCase } from './contender.js';
import type { Order, OrderSource } from './order.js';
import { NAMESPACE } from './place.js';

const IN_FLIGHT = 256;
const BATCH = 256;
const MAILBOXES = 1000;

type SendAll = (sender: Sender<Order>, source: OrderSource) => Promise<void>;
type TakeAll = (receiver: Receiver<Order>, take: (order: Order) => void) => Promise<void>;

const orders = mailbox<Order>('orders');
const answers = mailbox<Order>('answers');

/** A runtime in the case's own directory. */
async function join(place: Place, transport: string, name: string): Promise<Runtime> {
  process.env.PIGEONHOLE_DIR = place.directory;
  return createRuntime({ name, namespace: NAMESPACE, transport });
}

/** Each send is awaited; so many loops do that side by side. */
const manyInFlight: SendAll = async (sender, source) => {
  const loop = async (): Promise<void> => {
    while (source.more()) await sender.send(source.next());
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, loop));
};

const oneInFlight: SendAll = async (sender, source) => {
  while (source.more()) await sender.send(source.next());
};

const batches: SendAll = async (sender, source) => {
  while (source.more()) await sender.sendMany(source.batch(BATCH));
};

const takeEach: TakeAll = async (receiver, take) => {
  for await (const { body } of receiver) take(body);
};

const takeBatches: TakeAll = async (receiver, take) => {
  for (;;) for (const { body } of await receiver.receiveMany(BATCH)) take(body);
};

function oneWay(transport: string, shape: string, sendAll: SendAll, takeAll: TakeAll): OneWayCase {
  return {
    kind: 'one-way',
    name: `${transport}, ${shape}`,
    async consume(place, take) {
      const runtime = await join(place, transport, 'consumer');
      const taking = takeAll(await runtime.receiver(orders), take);
      // Closing the runtime rejects the receive that is waiting then; that is how the loop ends.
      taking.catch(() => undefined);
      return () => runtime.close().then(() => undefined);
    },
    async produce(place) {
      const runtime = await join(place, transport, 'producer');
      const sender = await runtime.sender(orders);
      return {
        send: (source) => sendAll(sender, source),
        close: () => runtime.close().then(() => undefined),
      };
    },
  };
}

async function answerAll(requests: Receiver<Order>, replies: Sender<Order>): Promise<void> {
  for await (const { body } of requests) await replies.send(body);
}

function roundTrip(transport: string): RoundTripCase {
  return {
    kind: 'round-trip',
    name: `${transport}, two mailboxes`,
    async respond(place) {
      const runtime = await join(place, transport, 'responder');
      const answering = answerAll(await runtime.receiver(orders), await runtime.sender(answers));
      answering.catch(() => undefined);
      return () => runtime.close().then(() => undefined);
    },
    async request(place) {
      const runtime = await join(place, transport, 'requester');
      const receiver = await runtime.receiver(answers);
      const sender = await runtime.sender(orders);
      return {
        async exchange(order) {
          await sender.send(order);
          return (await receiver.receive()).body;
        },
        close: () => runtime.close().then(() => undefined),
      };
    },
  };
}

/** Milliseconds that the responder's thread sleeps at a time, before it looks whether it is to end. */
const NAP = 20;

/** Answers on a blocked thread, which comes back to the event loop when nobody has asked for a while. */
async function answerBlocking(
  requests: Receiver<Order>,
  replies: Sender<Order>,
  ended: () => boolean,
): Promise<void> {
  while (!ended()) {
    try {
      for (;;) replies.sendSync(requests.receiveSync({ timeout: NAP }).body);
    } catch (error) {
      if (!(error instanceof PigeonholeError && error.code === 'ERR_TIMEOUT')) throw error;
    }
    await turn();
  }
}

/** The round trip of two threads that wait for one another, where the transport can do that. */
export function roundTripSync(transport: string): RoundTripCase {
  return {
    kind: 'round-trip',
    name: `${transport}, two mailboxes, *Sync`,
    async respond(place) {
      const runtime = await join(place, transport, 'responder');
      let ended = false;
      const requests = await runtime.receiver(orders);
      const answering = answerBlocking(requests, await runtime.sender(answers), () => ended);
      return async () => {
        ended = true;
        await answering;
        await runtime.close();
      };
    },
    async request(place) {
      const runtime = await join(place, transport, 'requester');
      const receiver = await runtime.receiver(answers);
      const sender = await runtime.sender(orders);
      return {
        exchange(order) {
          sender.sendSync(order);
          return Promise.resolve(receiver.receiveSync().body);
        },
        close: () => runtime.close().then(() => undefined),
      };
    },
  };
}

function numbered(index: number): ReturnType<typeof mailbox<number>> {
  return mailbox<number>(`box-${index}`);
}

function footprint(transport: string): FootprintCase {
  return {
    kind: 'footprint',
    name: `${transport}, 1,000 mailboxes`,
    mailboxes: MAILBOXES,
    async host(place) {
      const runtime = await join(place, transport, 'host');
      const receivers: Receiver<number>[] = [];
      return {
        async open(index) {
          receivers.push(await runtime.receiver(numbered(index)));
        },
        async collect(count) {
          let sum = 0;
          for (const receiver of receivers.slice(0, count)) sum += (await receiver.receive()).body;
          return sum;
        },
        close: () => runtime.close().then(() => undefined),
      };
    },
    async sender(place) {
      const runtime = await join(place, transport, 'sender');
      const senders: Sender<number>[] = [];
      return {
        async open(index) {
          senders.push(await runtime.sender(numbered(index)));
        },
        async send(count) {
          await Promise.all(senders.slice(0, count).map((sender, index) => sender.send(index)));
        },
        close: () => runtime.close().then(() => undefined),
      };
    },
  };
}

/** Every case of one transport, named as in configuration. */
export function pigeonholeCases(transport: string): readonly Case[] {
  return [
    oneWay(transport, '256 sends in flight', manyInFlight, takeEach),
    oneWay(transport, 'one send in flight', oneInFlight, takeEach),
    oneWay(transport, 'sendMany / receiveMany of 256', batches, takeBatches),
    roundTrip(transport),
    footprint(transport),
  ];
}
