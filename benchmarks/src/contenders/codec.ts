/** The ceiling: encoding and decoding alone, with nothing sent. */

import { Packr } from 'msgpackr';
import type { Case } from '../contender.js';
import type { Order } from '../order.js';

export const cases: readonly Case[] = [
  {
    kind: 'ceiling',
    name: 'msgpackr',
    codec() {
      const packr = new Packr({ useRecords: false });
      return {
        encode: (order) => packr.pack(order),
        decode: (encoded) => packr.unpack(encoded as Buffer) as Order,
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
];
