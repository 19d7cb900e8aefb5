/** The ceilings: encoding and decoding alone, with nothing sent. */

import { deserialize, serialize } from 'node:v8';
import { Packr } from 'msgpackr';
import type { Case, CeilingCase } from '../contender.js';
import type { Order } from '../load/order.js';
import { orderCodec } from '../load/order-codec.js';

/** The defaults. */
const limits = { maxMessageBytes: 16 * 2 ** 20, maxDepth: 128, maxNodes: 2 ** 20 };

function msgpackr(name: string, options: ConstructorParameters<typeof Packr>[0]): CeilingCase {
  return {
    kind: 'ceiling',
    name,
    codec() {
      const packr = new Packr(options);
      return {
        encode: (order) => packr.pack(order),
        decode: (encoded) => packr.unpack(encoded as Buffer) as Order,
      };
    },
  };
}

export const cases: readonly Case[] = [
  msgpackr('msgpackr', { useRecords: false }),
  { ...msgpackr('msgpackr, shared structures', { useRecords: true, structures: [] }), detail: true },
  {
    kind: 'ceiling',
    name: 'compiled codec',
    codec() {
      const codec = orderCodec();
      return {
        encode: (order) => codec.encode(order, limits),
        decode: (encoded) => codec.decode(encoded as Uint8Array) as Order,
      };
    },
  },
  {
    kind: 'ceiling',
    name: 'JSON',
    codec: () => ({
      encode: (order) => JSON.stringify(order),
      decode: (encoded) => JSON.parse(encoded as string) as Order,
    }),
  },
  {
    kind: 'ceiling',
    name: 'structured clone (v8)',
    detail: true,
    codec: () => ({
      encode: (order) => serialize(order),
      decode: (encoded) => deserialize(encoded as Buffer) as Order,
    }),
  },
];
