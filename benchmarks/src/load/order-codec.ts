import { type Codec, compiled } from '@pigeonhole/core';

const string = { type: 'string' };
const integer = { type: 'integer' };
const number = { type: 'number' };

function object(properties: Record<string, object>): object {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

/** A codec for the order object and nothing else. */
export function orderCodec(): Codec {
  const items = { type: 'array', items: object({ sku: string, qty: integer, price: number }) };
  return compiled(object({ id: integer, type: string, customer: string, items, total: number, ts: integer }));
}
