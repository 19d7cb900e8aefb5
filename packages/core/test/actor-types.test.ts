import { describe, expectTypeOf, test } from 'vitest';
import {
  type ActorRef,
  type ArgsOf,
  type Context,
  defineActor,
  type HandlersOf,
  type Runtime,
  type SpawnedActor,
} from '../dist/index.js';

interface Order {
  readonly sku: string;
  readonly quantity: number;
}

const inventory = defineActor('inventory', {
  state: (_args: { warehouse: string }) => ({ stock: new Map<string, number>() }),
  handlers: {
    restock(ctx, item: { sku: string; quantity: number }) {
      ctx.state.stock.set(item.sku, item.quantity);
    },
    reserve(ctx, order: Order): { left: number } | Promise<{ left: number }> {
      return { left: ctx.state.stock.get(order.sku) ?? 0 };
    },
    async count(ctx) {
      return ctx.state.stock.size;
    },
    find: (ctx, sku?: string) => (sku === undefined ? null : (ctx.state.stock.get(sku) ?? null)),
    constant: () => 'constant' as const,
    fails(): never {
      throw new Error('always');
    },
    async *history(_ctx, sku: string) {
      yield { sku, at: 1 };
    },
  },
  mailbox: { capacity: 256 },
  concurrency: 1,
  supervision: {
    strategy: 'restart',
    backoff: { initial: 50, max: 5_000 },
    maxRestarts: 5,
    within: 60_000,
  },
});

const stateless = defineActor('stateless', { handlers: { ping: () => 'pong' } });

/** Checked by the compiler only: `use` is never called. */
function compiled(
  _use: (runtime: Runtime, ref: ActorRef<HandlersOf<typeof inventory>>) => Promise<unknown>,
): void {}

describe('what a caller sees is inferred from the handlers', () => {
  test('the context has the type of the state', () => {
    defineActor('typed', {
      state: () => ({ n: 1 }),
      started: (ctx) => expectTypeOf(ctx.state).toEqualTypeOf<{ n: number }>() as never,
      handlers: {
        method(ctx) {
          expectTypeOf(ctx).toEqualTypeOf<Context<{ n: number }>>();
        },
        arrow: (ctx) => expectTypeOf(ctx.state.n).toEqualTypeOf<number>() as never,
        free: () => 3,
        // @ts-expect-error the state has no such property
        wrong: (ctx) => ctx.state.m,
      },
    });
  });

  test('spawn asks for the arguments of the state, and gives a reference', () => {
    expectTypeOf<ArgsOf<typeof inventory>>().toEqualTypeOf<{ warehouse: string }>();
    compiled(async (runtime) => {
      const spawned = await runtime.spawn(inventory, { warehouse: 'A' });
      expectTypeOf(spawned).toEqualTypeOf<SpawnedActor<HandlersOf<typeof inventory>>>();
      await runtime.spawn(stateless);
      await runtime.spawn(stateless, undefined, { instances: 2 });
      // @ts-expect-error it needs its arguments
      await runtime.spawn(inventory);
      // @ts-expect-error wrong arguments
      await runtime.spawn(inventory, { warehouse: 3 });
      // @ts-expect-error no such placement
      await runtime.spawn(stateless, undefined, { placement: 'moon' });
      expectTypeOf(runtime.ref<typeof inventory>('inventory')).toEqualTypeOf<
        ActorRef<HandlersOf<typeof inventory>>
      >();
    });
  });

  test('tell', () => {
    compiled(async (_runtime, ref) => {
      expectTypeOf(ref.tell.restock({ sku: 'A1', quantity: 1 })).toEqualTypeOf<Promise<void>>();
      await ref.tell.count();
      await ref.tell.count(undefined, { key: 'k', timeout: 5 });
      // @ts-expect-error wrong argument
      await ref.tell.restock({ sku: 'A1' });
      // @ts-expect-error missing argument
      await ref.tell.restock();
      // @ts-expect-error no such handler
      await ref.tell.restok({ sku: 'A1', quantity: 1 });
      // @ts-expect-error a stream cannot be told
      await ref.tell.history('A1');
      // @ts-expect-error no such option
      await ref.tell.count(undefined, { retries: 1 });
    });
  });

  test('ask', () => {
    compiled(async (_runtime, ref) => {
      const { signal } = new AbortController();
      const reserved = await ref.ask.reserve({ sku: 'A1', quantity: 1 }, { timeout: 500, signal });
      expectTypeOf(reserved).toEqualTypeOf<{ left: number }>();
      expectTypeOf(await ref.ask.count()).toEqualTypeOf<number>();
      expectTypeOf(await ref.ask.find()).toEqualTypeOf<number | null>();
      expectTypeOf(await ref.ask.find('A1', { timeout: 1 })).toEqualTypeOf<number | null>();
      expectTypeOf(await ref.ask.constant()).toEqualTypeOf<'constant'>();
      expectTypeOf(await ref.ask.restock({ sku: 'A1', quantity: 1 })).toEqualTypeOf<void>();
      expectTypeOf(ref.ask.fails()).toEqualTypeOf<Promise<never>>();
      // @ts-expect-error wrong reply type
      const wrong: string = await ref.ask.count();
      // @ts-expect-error wrong argument
      await ref.ask.reserve({ sku: 1, quantity: 1 });
      // @ts-expect-error no such handler
      await ref.ask.reserved({ sku: 'A1', quantity: 1 });
      // @ts-expect-error a stream gives no reply
      await ref.ask.history('A1');
      return wrong;
    });
  });

  test('stream', () => {
    compiled(async (_runtime, ref) => {
      for await (const entry of ref.stream.history('A1', { window: 4 }))
        expectTypeOf(entry).toEqualTypeOf<{ sku: string; at: number }>();
      // @ts-expect-error wrong argument
      ref.stream.history(1);
      // @ts-expect-error this is no stream
      ref.stream.count();
    });
  });

  test('a definition is checked where it is written', () => {
    // @ts-expect-error handlers are functions
    compiled(async () => defineActor('bad', { handlers: { no: 3 } }));
    // @ts-expect-error no such strategy
    compiled(async () => defineActor('bad', { handlers: {}, supervision: { strategy: 'pray' } }));
    // @ts-expect-error no such option
    compiled(async () => defineActor('bad', { handlers: {}, capacity: 3 }));
  });
});
