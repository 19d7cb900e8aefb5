/** A thousand mailboxes between two processes. */

import { mailbox, type Receiver, type Sender } from '@pigeonhole/core';
import type { FootprintCase } from '../contender.js';
import { closing, join, type Setting } from './join.js';

const MAILBOXES = 1000;

function numbered(index: number): ReturnType<typeof mailbox<number>> {
  return mailbox<number>(`box-${index}`);
}

export function footprint({ label, transport }: Setting): FootprintCase {
  return {
    kind: 'footprint',
    name: `${label}, 1,000 mailboxes`,
    mailboxes: MAILBOXES,
    ours: true,
    async host(place) {
      const runtime = await join(place, transport, 'host');
      const receivers: Receiver<number>[] = [];
      return {
        async open(index) {
          receivers.push(await runtime.receiver(numbered(index)));
        },
        async collect(count) {
          let sum = 0;
          for (const receiver of receivers.slice(0, count)) sum += (await receiver.receive()).body;
          return sum;
        },
        close: closing(runtime),
      };
    },
    async sender(place) {
      const runtime = await join(place, transport, 'sender');
      const senders: Sender<number>[] = [];
      return {
        async open(index) {
          senders.push(await runtime.sender(numbered(index)));
        },
        async send(count) {
          await Promise.all(senders.slice(0, count).map((sender, index) => sender.send(index)));
        },
        close: closing(runtime),
      };
    },
  };
}
