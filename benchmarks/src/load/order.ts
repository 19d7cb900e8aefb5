/**
 * The order object of the performance notes.
 *
 * The sequence lives in `id`, which stays within five digits (three MessagePack bytes), and the producer in the last digit of
 * `customer`, so that all messages have the same size: 107 bytes in plain MessagePack, 131 in JSON.
 */

import type { Load } from './load.js';
import { SPAN } from './span.js';

/** One ordered article. */
export interface OrderItem {
  sku: string;
  qty: number;
  price: number;
}

/** The order object of the performance notes. */
export interface Order {
  id: number;
  type: string;
  customer: string;
  items: OrderItem[];
  total: number;
  ts: number;
}

const ID_BASE = 10_000;
const TIME_BASE = 1_700_000_000_000;
const CUSTOMERS = Array.from({ length: 9 }, (_customer, index) => `c-99${index + 1}`);
const LAST_CHARACTER = 4;
const DIGIT_ONE = 49;

/** The order with this sequence number. */
export function makeOrder(sequence: number, producer = 0): Order {
  return {
    id: ID_BASE + (sequence % SPAN),
    type: 'order.created',
    customer: CUSTOMERS[producer] as string,
    items: [{ sku: 'A1', qty: 1 + (sequence & 7), price: 9.99 }],
    total: 19.98,
    ts: TIME_BASE + (sequence % 1000),
  };
}

/** Depends on what differs between orders. */
function digestOf(order: Order): number {
  const quantity = order.items[0]?.qty ?? 0;
  return (
    Math.imul(order.id, 0x9e3779b1) + quantity * 31 + (order.ts - TIME_BASE) + order.customer.charCodeAt(4)
  );
}

export const orders: Load = {
  name: 'order',
  stride: 32,
  make: makeOrder,
  producerOf: (body) => (body as Order).customer.charCodeAt(LAST_CHARACTER) - DIGIT_ONE,
  positionOf: (body) => (body as Order).id - ID_BASE,
  digest: (body) => digestOf(body as Order),
};
