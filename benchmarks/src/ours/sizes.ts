/** Opaque bytes through mailboxes of the codec `raw`: in batches, and written and read in place. */

import { type MailboxAddress, mailbox } from '@pigeonhole/core';
import type { SizesCase } from '../contender.js';
import type { Body } from '../load/load.js';
import { closing, join, type Setting } from './join.js';

const BATCH = 256;
const CAPACITY = 1024;
/** Most bytes in a mailbox, and in a batch. */
const MOST_BYTES = 2 ** 26;

/** A mailbox a size. */
function boxOf(size: number): MailboxAddress<Body> {
  const capacity = Math.max(4, Math.min(CAPACITY, Math.floor(MOST_BYTES / size)));
  return mailbox<Body>(`bytes-${size}`, { codec: 'raw', capacity });
}

function batchOf(size: number): number {
  return Math.max(1, Math.min(BATCH, Math.floor(MOST_BYTES / 4 / size)));
}

/** Throughput by size over that transport. */
export function sizesCase({ label, transport }: Setting, base: Partial<SizesCase>): SizesCase {
  return {
    ...base,
    kind: 'sizes',
    name: `${label}, sendMany, receiveMany`,
    ours: true,
    async consume(place, take, size) {
      const runtime = await join(place, transport, 'consumer');
      const receiver = await runtime.receiver(boxOf(size));
      const loop = async (): Promise<void> => {
        for (;;) for (const { body } of await receiver.receiveMany(batchOf(size))) take(body);
      };
      return closing(runtime, loop());
    },
    async produce(place, size) {
      const runtime = await join(place, transport, 'producer');
      const sender = await runtime.sender(boxOf(size));
      return {
        async send(source) {
          const loop = async (): Promise<void> => {
            while (source.more()) await sender.sendMany(source.batch(batchOf(size)));
          };
          // Two at a time, as in the case of orders.
          await Promise.all([loop(), loop()]);
        },
        close: closing(runtime),
      };
    },
  };
}

/** The same, each message written where it is sent from, every byte of it, and read where it lies. */
export function loanCase({ label, transport }: Setting): SizesCase {
  return {
    kind: 'sizes',
    name: `${label}, loan, borrow`,
    ours: true,
    async consume(place, take, size) {
      const runtime = await join(place, transport, 'consumer');
      const receiver = await runtime.receiver(boxOf(size));
      const loop = async (): Promise<void> => {
        for (;;) await receiver.borrow(({ body }) => take(body));
      };
      return closing(runtime, loop());
    },
    async produce(place, size) {
      const runtime = await join(place, transport, 'producer');
      const sender = await runtime.sender(boxOf(size));
      return {
        async send(source) {
          while (source.more()) {
            const loan = sender.loan(size);
            source.write(loan.bytes);
            await loan.commit();
          }
        },
        close: closing(runtime),
      };
    },
  };
}
