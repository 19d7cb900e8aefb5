import { type Context, defineActor, RemoteError } from '@pigeonhole/core';
import type { billing } from './billing.js';
import type { inventory } from './inventory.js';
import type { Order, Outcome } from './messages.js';
import type { notifier } from './notifier.js';

/** Takes orders: reserves the goods, has them charged, and gives them back if that failed. */
export const gateway = defineActor('gateway', {
  module: import.meta.url,
  handlers: {
    place: async (ctx, order: Order): Promise<Outcome> => {
      const goods = ctx.ref<typeof inventory>('inventory');
      try {
        await goods.ask.reserve(order, { signal: ctx.signal });
      } catch (error) {
        if (error instanceof RemoteError && error.code === 'OUT_OF_STOCK') return 'out of stock';
        throw error;
      }
      const outcome = await charge(ctx, order);
      if (outcome === 'not charged') await goods.tell.release(order);
      await ctx.ref<typeof notifier>('notifier').tell.notify({ order: order.id, outcome });
      return outcome;
    },
  },
  concurrency: 16,
});

/** Whether it was charged. When billing died over it nobody can tell: that is for a person to clear up, not to be tried again. */
async function charge(ctx: Context<undefined>, order: Order): Promise<Outcome> {
  try {
    await ctx.ref<typeof billing>('billing').ask.charge(order, { signal: ctx.signal });
    return 'settled';
  } catch (error) {
    return error instanceof RemoteError ? 'not charged' : 'uncertain';
  }
}
