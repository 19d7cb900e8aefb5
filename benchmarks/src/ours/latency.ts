/** Round trips over two mailboxes, and latency at fixed rates. */

import { setImmediate as turn } from 'node:timers/promises';
import { mailbox, PigeonholeError, type Receiver, type Sender } from '@pigeonhole/core';
import type { OpenLoopCase, RoundTripCase } from '../contender.js';
import type { Body } from '../load/load.js';
import { closing, join, type Setting } from './join.js';

const orders = mailbox<Body>('orders');
const rawQuestions = mailbox<Body>('questions', { codec: 'raw' });
const rawAnswers = mailbox<Body>('raw-answers', { codec: 'raw' });
const answers = mailbox<Body>('answers');
const RAW = 64;

function boxes(raw: boolean) {
  return raw ? { questions: rawQuestions, replies: rawAnswers } : { questions: orders, replies: answers };
}

async function answerAll(requests: Receiver<Body>, replies: Sender<Body>): Promise<void> {
  for await (const { body } of requests) await replies.send(body);
}

/** There and back through the event loops: the order object, or 64 bytes. */
export function roundTrip(
  { label, transport }: Setting,
  base: Partial<RoundTripCase>,
  raw = false,
): RoundTripCase {
  const { questions, replies } = boxes(raw);
  return {
    ...base,
    kind: 'round-trip',
    name: raw ? `${label}, ${RAW} B` : label,
    load: raw ? RAW : 'order',
    ours: true,
    async respond(place) {
      const runtime = await join(place, transport, 'responder');
      return closing(runtime, answerAll(await runtime.receiver(questions), await runtime.sender(replies)));
    },
    async request(place) {
      const runtime = await join(place, transport, 'requester');
      const receiver = await runtime.receiver(replies);
      const sender = await runtime.sender(questions);
      return {
        async exchange(body) {
          await sender.send(body);
          return (await receiver.receive()).body;
        },
        close: closing(runtime),
      };
    },
  };
}

/** Milliseconds that the responder's thread sleeps at a time, before it looks whether it is to end. */
const NAP = 20;

/** Answers on a blocked thread, which comes back to the event loop when nobody has asked for a while. */
async function answerBlocking(
  requests: Receiver<Body>,
  replies: Sender<Body>,
  ended: () => boolean,
): Promise<void> {
  while (!ended()) {
    try {
      for (;;) replies.sendSync(requests.receiveSync({ timeout: NAP }).body);
    } catch (error) {
      if (!(error instanceof PigeonholeError && error.code === 'ERR_TIMEOUT')) throw error;
    }
    await turn();
  }
}

/** The round trip of two threads that wait for one another. */
export function roundTripSync({ label, transport }: Setting, raw = false): RoundTripCase {
  const { questions, replies } = boxes(raw);
  return {
    kind: 'round-trip',
    name: raw ? `${label}, *Sync, ${RAW} B` : `${label}, *Sync`,
    load: raw ? RAW : 'order',
    ours: true,
    restless: true,
    async respond(place) {
      const runtime = await join(place, transport, 'responder');
      let ended = false;
      const requests = await runtime.receiver(questions);
      const answering = answerBlocking(requests, await runtime.sender(replies), () => ended);
      return async () => {
        ended = true;
        await answering;
        await runtime.close();
      };
    },
    async request(place) {
      const runtime = await join(place, transport, 'requester');
      const receiver = await runtime.receiver(replies);
      const sender = await runtime.sender(questions);
      return {
        exchange(body) {
          sender.sendSync(body);
          return receiver.receiveSync().body;
        },
        close: closing(runtime),
      };
    },
  };
}

/** Sends at a fixed rate, none of them awaited, and an async iterator that takes them. */
export function openLoop({ label, transport }: Setting, base: Partial<OpenLoopCase>): OpenLoopCase {
  const box = mailbox<Body>('orders');
  return {
    ...base,
    kind: 'open-loop',
    name: label,
    ours: true,
    async consume(place, take) {
      const runtime = await join(place, transport, 'consumer');
      const receiver = await runtime.receiver(box);
      const loop = async (): Promise<void> => {
        for await (const { body } of receiver) take(body);
      };
      return closing(runtime, loop());
    },
    async produce(place) {
      const runtime = await join(place, transport, 'producer');
      const sender = await runtime.sender(box);
      let failure: unknown;
      const fail = (error: unknown): void => {
        failure ??= error;
      };
      return {
        submit(body) {
          if (failure !== undefined) throw failure;
          void sender.send(body).catch(fail);
        },
        close: closing(runtime),
      };
    },
  };
}
