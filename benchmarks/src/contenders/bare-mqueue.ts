/**
 * Bare POSIX message queues, one each way, polled by the event loop: one message of the kernel's a message, packed as MessagePack; and their
 * floor, the same bytes sent back unread. Node.js has none, so they are those of the addon.
 */

import { createHash } from 'node:crypto';
import { PosixQueue } from '@pigeonhole/native';
import { Packr } from 'msgpackr';
import type { Case, OneWayCase, Place, RoundTripCase } from '../contender.js';
import type { Body } from '../load/load.js';
import type { Order } from '../load/order.js';

/** As many as fs.mqueue.msg_max lets anybody have by default. */
const MESSAGES = 10;
const MESSAGE_BYTES = 1024;

const codec = new Packr({ useRecords: false });
const nothing = new Uint8Array(0);

function nameOf({ directory }: Place, name: string): string {
  return `/pigeonhole-bench-${createHash('sha256').update(directory).digest('hex').slice(0, 16)}-${name}`;
}

/** Made, and read from: `take` has the bytes for that call only. Closing removes it. */
function inbox(name: string, take: (bytes: Buffer) => void): () => void {
  const scratch = Buffer.alloc(MESSAGE_BYTES);
  const queue = new PosixQueue(name, {
    create: { maxMessages: MESSAGES, messageBytes: MESSAGE_BYTES },
    onMessage: () => {
      for (let count = queue.receive(scratch); count >= 0; count = queue.receive(scratch))
        take(scratch.subarray(0, count));
    },
  });
  queue.watch({ message: true, room: false });
  queue.ref();
  return () => {
    queue.close();
    PosixQueue.unlink(name);
  };
}

/** Sends one; the promise, if there was no room, resolves when there is. */
function outbox(name: string) {
  let room: () => void = () => undefined;
  const queue = new PosixQueue(name, {
    onRoom: () => {
      queue.watch({ message: false, room: false });
      room();
    },
  });
  const send = (bytes: Uint8Array): Promise<void> | undefined => {
    if (queue.send(nothing, bytes)) return undefined;
    queue.watch({ message: false, room: true });
    return new Promise<void>((resolve) => {
      room = resolve;
    }).then(() => send(bytes));
  };
  return { send, close: () => queue.close() };
}

const oneWay: OneWayCase = {
  kind: 'one-way',
  name: 'bare message queue, MessagePack, one of the kernel a message',
  detail: true,
  consume: async (place, take) => inbox(nameOf(place, 'pack'), (bytes) => take(codec.unpack(bytes) as Order)),
  async produce(place) {
    const { send, close } = outbox(nameOf(place, 'pack'));
    return {
      send: async (source) => {
        while (source.more()) {
          const waiting = send(codec.pack(source.next()));
          if (waiting !== undefined) await waiting;
        }
      },
      close,
    };
  },
};

const opaqueBytes: RoundTripCase = {
  kind: 'round-trip',
  name: 'bare message queue, 64 B',
  detail: true,
  load: 64,
  async respond(place) {
    let back: ReturnType<typeof outbox> | undefined;
    const close = inbox(nameOf(place, 'there'), (bytes) => {
      back ??= outbox(nameOf(place, 'back')); // the requester has made it by now
      void back.send(bytes); // one question at a time: there is room
    });
    return () => {
      back?.close();
      close();
    };
  },
  async request(place) {
    let answered: (body: Body) => void = () => undefined;
    const close = inbox(nameOf(place, 'back'), (bytes) => answered(bytes));
    const there = outbox(nameOf(place, 'there'));
    return {
      exchange: (body) =>
        new Promise((resolve) => {
          answered = resolve;
          void there.send(body as Buffer);
        }),
      close: () => {
        there.close();
        close();
      },
    };
  },
};

export const cases: readonly Case[] = [oneWay, opaqueBytes];
