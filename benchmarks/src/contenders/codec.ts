/** The ceilings: encoding and decoding alone, with nothing sent. */

import { deserialize, serialize } from 'node:v8';
import { type Codec, codecFor } from '@pigeonhole/core';
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

/** A codec of ours, into and out of memory that stays, as over shared memory. */
function ours(name: string, make: () => Codec): CeilingCase {
  return {
    kind: 'ceiling',
    name,
    codec() {
      const codec = make() as Required<Codec>;
      const memory = new Uint8Array(65_536);
      return {
        encode: (order) => codec.encodeInto(order, limits, memory, 0),
        decode: (length) => codec.decodeChecked(memory, limits, 0, length as number) as Order,
      };
    },
  };
}

export const cases: readonly Case[] = [
  ours('msgpack, into memory', () => codecFor('msgpack')),
  msgpackr('msgpackr', { useRecords: false }),
  { ...msgpackr('msgpackr, shared structures', { useRecords: true, structures: [] }), detail: true },
  ours('compiled codec, into memory', orderCodec),
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
