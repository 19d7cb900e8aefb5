/** Of loan and borrow, what only shared memory does. What every transport does is in the conformance suite. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { createRuntime, mailbox, type Runtime } from '@pigeonhole/core';
import { expect, test } from 'vitest';
import { ownPlace } from './place.js';

const box = mailbox<Uint8Array>('frames', { codec: 'raw', capacity: 2 });

interface Meeting {
  readonly setup: { directory: string; namespace: string; transport: 'shm'; logger: false; config: false };
  readonly folder: string;
  join(name: string, maxBytes?: number): Promise<Runtime>;
}

function place(): Meeting {
  const { setup, folder } = ownPlace();
  return {
    setup,
    folder,
    join: (name, maxBytes) =>
      createRuntime({ name, ...setup, ...(maxBytes && { mailboxes: { frames: { maxBytes } } }) }),
  };
}

/** Whether those bytes are in a file of the mailbox. */
function lies(folder: string, bytes: Uint8Array): boolean {
  return readdirSync(folder).some(
    (name) => /\.\d+$/.test(name) && readFileSync(join(folder, name)).includes(Buffer.from(bytes)),
  );
}

test('a loan is memory of the mailbox, and so is a borrowed body', async () => {
  const { folder, join } = place();
  const [a, b] = await Promise.all([join('a'), join('b')]);
  const [sender, receiver] = [await a.sender(box), await b.receiver(box)];
  const [mark, second] = [randomBytes(24), randomBytes(24)];
  const loan = sender.loan(100_000);
  loan.bytes.set(mark, 5000);
  expect(lies(folder, mark)).toBe(true);
  await loan.commit();
  await receiver.borrow(({ body }) => {
    expect(Buffer.from(body.subarray(5000, 5024))).toEqual(mark);
    // Only to see where it lies: readers are not to write.
    body.set(second, 6000);
    expect(lies(folder, second)).toBe(true);
  });
  await Promise.all([a.close(), b.close()]);
});

test('a message holds its place and its memory until it has been read', async () => {
  const { join } = place();
  const [a, b] = await Promise.all([join('a'), join('b')]);
  const [sender, receiver] = [await a.sender(box), await b.receiver(box)];
  await sender.send(Buffer.alloc(50_000, 1));
  await receiver.borrow(async ({ body }) => {
    expect(await sender.trySend(Buffer.alloc(50_000, 2))).toBe(true);
    expect(await sender.trySend(Buffer.alloc(50_000, 3))).toBe(false);
    expect((await receiver.receive()).body[0]).toBe(2);
    expect(await sender.trySend(Buffer.alloc(50_000, 3))).toBe(true);
    expect(body.every((byte) => byte === 1)).toBe(true);
  });
  expect(await sender.trySend(Buffer.alloc(50_000, 4))).toBe(true);
  await Promise.all([a.close(), b.close()]);
});

test('loans count against maxBytes until they are given back', async () => {
  const { join } = place();
  const a = await join('a', 1_000_000);
  const sender = await a.sender(box);
  const loan = sender.loan(900_000);
  expect(() => sender.loan(900_000)).toThrow(expect.objectContaining({ code: 'ERR_NO_SPACE' }));
  loan.cancel();
  for (let count = 0; count < 50; count++) sender.loan(900_000).cancel();
  await a.close();
});

/** Joins, takes a loan and borrows the message that is there; says so, and goes on for ever. */
const reader = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { createRuntime, mailbox } = require(workerData.core);
  createRuntime({ name: 'reader', ...workerData.setup }).then(async (runtime) => {
    const box = mailbox('frames', { codec: 'raw', capacity: 2 });
    const loan = (await runtime.sender(box)).loan(200000);
    loan.bytes.fill(9);
    const receiver = await runtime.receiver(box);
    await receiver.borrow(async ({ body }) => {
      parentPort.postMessage(body[0]);
      await new Promise(() => setInterval(() => [loan, body], 1000));
    });
  });
`;

test('a thread that is terminated while it reads and writes: its message is there for the next, its loan nowhere', async () => {
  const { setup, join } = place();
  const a = await join('a');
  const [sender, receiver] = [await a.sender(box), await a.receiver(box)];
  await sender.send(Buffer.alloc(80_000, 7));
  const core = createRequire(import.meta.url).resolve('@pigeonhole/core');
  const worker = new Worker(reader, { eval: true, workerData: { setup, core } });
  expect((await once(worker, 'message'))[0]).toBe(7);
  expect(await receiver.tryReceive()).toBe(null);
  await worker.terminate();
  const again = await receiver.receive();
  expect(again.body.every((byte) => byte === 7)).toBe(true);
  expect(await receiver.tryReceive()).toBe(null);
  await a.close();
});
