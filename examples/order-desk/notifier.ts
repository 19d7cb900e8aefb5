import { defineActor } from '@pigeonhole/core';
import type { Outcome, Settled } from './messages.js';

/** Tells the customers. Here it counts what it would say. */
export const notifier = defineActor('notifier', {
  module: import.meta.url,
  state: () => ({ said: {} as Partial<Record<Outcome, number>> }),
  handlers: {
    notify({ state }, { outcome }: Settled) {
      state.said[outcome] = (state.said[outcome] ?? 0) + 1;
    },
    said: ({ state }) => state.said,
  },
});
