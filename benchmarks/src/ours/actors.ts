/** Actors beside the mailboxes that they stand on: the same work, asked and told. */

import { setImmediate as turn } from 'node:timers/promises';
import { type ActorRef, defineActor, type HandlersOf } from '@pigeonhole/core';
import type { Case, FootprintCase, OneWayCase, RoundTripCase, ScalingCase } from '../contender.js';
import { makeOrder, type Order } from '../load/order.js';
import { closing, join } from './join.js';

const IN_FLIGHT = 256;
const ASKS_IN_FLIGHT = 1000;
const FEW_ASKS = 16;
const IDLE_ACTORS = 10_000;
const SPAWNED_TOGETHER = 64;

const desk = defineActor('desk', {
  state: ({ take }: { take: (order: Order) => void }) => ({ take }),
  handlers: {
    note(ctx, order: Order) {
      ctx.state.take(order);
    },
    noted(ctx, order: Order) {
      ctx.state.take(order);
      return order.id;
    },
    echo: (_ctx, order: Order) => order,
  },
});

/** What the idle actors of one process were told. */
interface Tally {
  count: number;
  sum: number;
}

const idler = defineActor('idler', {
  state: (tally: Tally) => tally,
  handlers: {
    add({ state }, number: number) {
      state.count += 1;
      state.sum += number;
    },
  },
});

type DeskRef = ActorRef<HandlersOf<typeof desk>>;

function oneWay(
  transport: string,
  name: string,
  inFlight: number,
  send: (ref: DeskRef, order: Order) => Promise<unknown>,
): OneWayCase {
  return {
    kind: 'one-way',
    name: `${transport}, ${name}`,
    ours: true,
    detail: true,
    async consume(place, take) {
      const runtime = await join(place, transport, 'consumer');
      await runtime.spawn(desk, { take });
      return closing(runtime);
    },
    async produce(place) {
      const runtime = await join(place, transport, 'producer');
      const ref = runtime.ref<typeof desk>('desk');
      return {
        async send(source) {
          const loop = async (): Promise<void> => {
            while (source.more()) await send(ref, source.next() as Order);
          };
          await Promise.all(Array.from({ length: inFlight }, loop));
        },
        close: closing(runtime),
      };
    },
  };
}

function roundTrip(transport: string): RoundTripCase {
  return {
    kind: 'round-trip',
    name: `${transport}, ask`,
    ours: true,
    detail: true,
    async respond(place) {
      const runtime = await join(place, transport, 'responder');
      await runtime.spawn(desk, { take: () => undefined });
      return closing(runtime);
    },
    async request(place) {
      const runtime = await join(place, transport, 'requester');
      const ref = runtime.ref<typeof desk>('desk');
      return { exchange: (order) => ref.ask.echo(order as Order), close: closing(runtime) };
    },
  };
}

function footprint(transport: string): FootprintCase {
  return {
    kind: 'footprint',
    name: `${transport}, 10,000 idle actors`,
    ours: true,
    detail: true,
    mailboxes: IDLE_ACTORS,
    async host(place) {
      const runtime = await join(place, transport, 'host');
      const tally: Tally = { count: 0, sum: 0 };
      let spawning: Promise<unknown>[] = [];
      return {
        async open(index) {
          spawning.push(runtime.spawn(idler, tally, { name: `idler-${index}` }));
          if (index > 0 && index % SPAWNED_TOGETHER !== 0 && index < IDLE_ACTORS - 1) return;
          await Promise.all(spawning);
          spawning = [];
        },
        async collect(count) {
          while (tally.count < count) await turn();
          const { sum } = tally;
          tally.count = tally.sum = 0;
          return sum;
        },
        close: closing(runtime),
      };
    },
    async sender(place) {
      const runtime = await join(place, transport, 'sender');
      const refs: ActorRef<HandlersOf<typeof idler>>[] = [];
      return {
        async open(index) {
          refs.push(runtime.ref<typeof idler>(`idler-${index}`));
        },
        async send(count) {
          await Promise.all(refs.slice(0, count).map((ref, index) => ref.tell.add(index)));
        },
        close: closing(runtime),
      };
    },
  };
}

/** What an ask costs beside few others and beside many, both ends in one process. */
function asksInFlight(transport: string): ScalingCase {
  return {
    kind: 'scaling',
    name: `${transport}, ${FEW_ASKS} and 1,000 asks in flight`,
    few: FEW_ASKS,
    many: ASKS_IN_FLIGHT,
    ours: true,
    detail: true,
    async open(place, amount) {
      const server = await join(place, transport, `server-of-${amount}`);
      const client = await join(place, transport, `client-of-${amount}`);
      const name = `desk-of-${amount}`;
      await server.spawn(desk, { take: () => undefined }, { name });
      const ref = client.ref<typeof desk>(name);
      return {
        async pass(count) {
          let left = count;
          const loop = async (): Promise<void> => {
            while (left-- > 0) await ref.ask.echo(makeOrder(left));
          };
          await Promise.all(Array.from({ length: amount }, loop));
          return count;
        },
        async close() {
          await client.close();
          await server.close();
        },
      };
    },
  };
}

/** The cases of actors over one transport, without what 10,000 idle ones take. */
export function busyActorCases(transport: string): readonly Case[] {
  return [
    oneWay(transport, 'tell, 256 in flight', IN_FLIGHT, (ref, order) => ref.tell.note(order)),
    oneWay(transport, 'ask, 1,000 in flight', ASKS_IN_FLIGHT, (ref, order) => ref.ask.noted(order)),
    roundTrip(transport),
    asksInFlight(transport),
  ];
}

/** Every case of actors over one transport. */
export function actorCases(transport: string): readonly Case[] {
  return [...busyActorCases(transport), footprint(transport)];
}
