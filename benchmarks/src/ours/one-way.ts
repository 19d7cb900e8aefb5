/** Mailboxes at saturation: the ways to send, the ways to receive, capacities, and several senders or receivers. */

import { setImmediate as turn } from 'node:timers/promises';
import {
  type Capacity,
  type Codec,
  mailbox,
  PigeonholeError,
  type Receiver,
  type Sender,
} from '@pigeonhole/core';
import type { OneWayCase } from '../contender.js';
import type { Body } from '../load/load.js';
import { orderCodec } from '../load/order-codec.js';
import type { Source } from '../load/source.js';
import { closing, join, type Setting } from './join.js';

const IN_FLIGHT = 256;
const BATCH = 256;

type SendAll = (sender: Sender<Body>, source: Source) => Promise<void>;
type TakeAll = (receiver: Receiver<Body>, take: (body: Body) => void, ended: () => boolean) => Promise<void>;

/** One way to use a mailbox. */
interface Shape {
  readonly name: string;
  readonly send: SendAll;
  readonly take: TakeAll;
  /** Default: the mailbox's own default, 1,024. */
  readonly capacity?: Capacity;
  /** Default: MessagePack. */
  readonly codec?: () => Codec;
  readonly producers?: number;
  readonly consumers?: number;
  readonly detail?: true;
  readonly restless?: true;
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

/** Two batches at a time: the next is made while one is on its way. With one the two sides would wait for each other, which saturates nothing. */
export const sendBatches: SendAll = async (sender, source) => {
  const loop = async (): Promise<void> => {
    while (source.more()) await sender.sendMany(source.batch(BATCH));
  };
  await Promise.all([loop(), loop()]);
};

const sendBlocking: SendAll = async (sender, source) => {
  while (source.more()) sender.sendSync(source.next());
};

const takeEach: TakeAll = async (receiver, take) => {
  for await (const { body } of receiver) take(body);
};

export const takeBatches: TakeAll = async (receiver, take) => {
  for (;;) for (const { body } of await receiver.receiveMany(BATCH)) take(body);
};

/** Milliseconds that a blocked thread sleeps at a time, before it looks whether it is to end. */
const NAP = 20;

/** Comes back to the event loop when for a while there was nothing. */
const takeBlocking: TakeAll = async (receiver, take, ended) => {
  while (!ended()) {
    try {
      for (;;) take(receiver.receiveSync({ timeout: NAP }).body);
    } catch (error) {
      if (!(error instanceof PigeonholeError && error.code === 'ERR_TIMEOUT')) throw error;
    }
    await turn();
  }
};

const BATCHES = { send: sendBatches, take: takeBatches };

const AWAITED = 'awaited send, for await';
const FAN_IN = '4 senders';

/** What each transport is measured with. */
const everywhere: readonly Shape[] = [
  { name: AWAITED, send: oneInFlight, take: takeEach, detail: true },
  { name: '256 sends in flight, for await', send: manyInFlight, take: takeEach, detail: true },
  { name: 'sendMany, receiveMany', ...BATCHES },
];

/** What else shows where the transports differ in kind: on one that is a store, and on one with links. */
const inDetail: readonly Shape[] = [
  { name: 'capacity 0', ...BATCHES, capacity: 0, detail: true },
  { name: 'unbounded', ...BATCHES, capacity: 'unbounded', detail: true },
  { name: FAN_IN, ...BATCHES, producers: 4, detail: true },
  { name: '4 receivers', ...BATCHES, consumers: 4, detail: true },
];

const compiledCodec: Shape = { name: 'compiled codec, sendMany, receiveMany', ...BATCHES, codec: orderCodec };

const blocking: Shape = { name: '*Sync', send: sendBlocking, take: takeBlocking, restless: true };

function oneWay({ label, transport }: Setting, shape: Shape, base: Partial<OneWayCase>): OneWayCase {
  const { name, send, take: takeAll, capacity, codec, ...rest } = shape;
  const orders = mailbox<Body>('orders', {
    ...(capacity === undefined ? {} : { capacity }),
    ...(codec === undefined ? {} : { codec: codec() }),
  });
  return {
    ...base,
    ...rest,
    kind: 'one-way',
    name: `${label}, ${name}`,
    ours: true,
    async consume(place, take) {
      const runtime = await join(place, transport, `consumer-${process.pid}`);
      let ended = false;
      const close = closing(
        runtime,
        takeAll(await runtime.receiver(orders), take, () => ended),
      );
      return () => {
        ended = true;
        return close();
      };
    },
    async produce(place, index) {
      const runtime = await join(place, transport, `producer-${index}`);
      const sender = await runtime.sender(orders);
      return { send: (source) => send(sender, source), close: closing(runtime) };
    },
  };
}

/** What is measured of one transport. `main`: awaiting each send, and several senders, belong to the main cases. `more`: the capacities and the several ends, too; `sync`: blocked threads, too; `compiled`: a codec for orders alone, too. */
export function oneWayCases(
  setting: Setting,
  base: Partial<OneWayCase>,
  extent: { main?: boolean; more?: boolean; sync?: boolean; compiled?: boolean } = {},
): OneWayCase[] {
  const shapes = [
    ...everywhere,
    ...(extent.more ? inDetail : []),
    ...(extent.sync ? [blocking] : []),
    ...(extent.compiled ? [compiledCodec] : []),
  ];
  return shapes.map((shape) => {
    const { detail: _detail, ...main } = shape;
    return oneWay(setting, extent.main && [AWAITED, FAN_IN].includes(shape.name) ? main : shape, base);
  });
}
