import { defineActor, Refusal } from '@pigeonhole/core';
import type { Order } from './messages.js';

/** Knows what is in stock. Its state is precious, so nothing that a caller may get wrong is a failure of its own. */
export const inventory = defineActor('inventory', {
  module: import.meta.url,
  state: ({ stock }: { stock: Record<string, number> }) => ({
    stock: new Map(Object.entries(stock)),
    changes: [] as { order: number; change: number; sku: string }[],
  }),
  handlers: {
    reserve({ state }, { id, sku, quantity }: Order): number {
      const there = state.stock.get(sku) ?? 0;
      if (there < quantity)
        throw new Refusal(`${sku}: ${there} there, ${quantity} wanted`, {
          code: 'OUT_OF_STOCK',
          data: { there },
        });
      state.stock.set(sku, there - quantity);
      state.changes.push({ order: id, sku, change: -quantity });
      return there - quantity;
    },
    release({ state }, { id, sku, quantity }: Order) {
      state.stock.set(sku, (state.stock.get(sku) ?? 0) + quantity);
      state.changes.push({ order: id, sku, change: quantity });
    },
    left: ({ state }) => Object.fromEntries(state.stock),
    async *history({ state }, sku: string) {
      for (const change of state.changes.filter((each) => each.sku === sku)) yield change;
    },
  },
  mailbox: { capacity: 256 },
});
