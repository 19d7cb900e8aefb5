import type { StandardSchemaV1 } from '@standard-schema/spec';
import { expect, test } from 'vitest';
import { createRuntime, mailbox } from '../dist/index.js';
import { rejection } from './child.js';

/** Each in a namespace of its own: what one leaves in a mailbox is none of the others' business. */
const join = (name: string) =>
  createRuntime({ name, namespace: `batch-${name}`, transport: 'memory', config: false, logger: false });

/** Numbers, doubled; odd ones do not match. */
function doubled(later: boolean): StandardSchemaV1<number, number> {
  const check = (value: unknown): StandardSchemaV1.Result<number> =>
    (value as number) % 2 === 0 ? { value: 2 * (value as number) } : { issues: [{ message: 'is odd' }] };
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: later ? async (value) => check(value) : check,
    },
  };
}

test.each(['sync', 'async'])('sendMany to a mailbox with a schema that is %s', async (kind) => {
  const runtime = await join(`schema-${kind}`);
  const box = mailbox(`m-${kind}`, { schema: doubled(kind === 'async') });
  const [sender, receiver] = [await runtime.sender(box), await runtime.receiver(box)];
  await sender.sendMany([2, 4]);
  expect((await receiver.receiveMany()).map(({ body }) => body)).toEqual([4, 8]);
  expect(await rejection(sender.sendMany([6, 8, 9, 10]))).toMatchObject({
    code: 'ERR_SCHEMA',
    message: expect.stringMatching(/is odd.*2 of 4 accepted before it/),
    accepted: 2,
  });
  expect((await receiver.receiveMany()).map(({ body }) => body)).toEqual([12, 16]);
  await sender.sendMany([10]);
  expect((await receiver.receive()).body).toBe(20);
  await runtime.close();
});

test('of the bodies behind one that cannot be sent none is', async () => {
  const runtime = await join('behind');
  const box = mailbox<unknown>('m', { capacity: 10 });
  const [sender, receiver] = [await runtime.sender(box), await runtime.receiver(box)];
  expect(await rejection(sender.sendMany([1, 2, () => {}, 4]))).toMatchObject({
    code: 'ERR_UNSERIALIZABLE',
    accepted: 2,
  });
  expect((await receiver.receiveMany()).map(({ body }) => body)).toEqual([1, 2]);
  expect(await receiver.tryReceive()).toBeNull();
  await runtime.close();
});

test('bodies may be changed once sendMany has returned', async () => {
  const runtime = await join('changed');
  const box = mailbox<{ n: number }>('m', { capacity: 1 });
  const [sender, receiver] = [await runtime.sender(box), await runtime.receiver(box)];
  const bodies = [{ n: 1 }, { n: 2 }, { n: 3 }];
  const sent = sender.sendMany(bodies);
  for (const body of bodies) body.n = 0;
  for (const n of [1, 2, 3]) expect((await receiver.receive()).body).toEqual({ n });
  await sent;
  await runtime.close();
});

test('a codec that closes the sender while its messages are decoded ends the rest of them', async () => {
  const runtime = await join('closes');
  let closing: Promise<void> | undefined;
  const box = mailbox<number>('m', {
    capacity: 1,
    codec: {
      name: 'closing',
      id: 3,
      encode: (body) => Uint8Array.of(body as number),
      decode: ([number]) => {
        closing ??= sender.close();
        return number;
      },
      verify: () => {},
    },
  });
  const [sender, receiver] = [await runtime.sender(box), await runtime.receiver(box)];
  const received = receiver.receive();
  expect(await rejection(sender.sendMany([1, 2, 3, 4]))).toMatchObject({ code: 'ERR_CLOSED', accepted: 1 });
  expect((await received).body).toBe(1);
  expect(await receiver.tryReceive()).toBeNull();
  await closing;
  await runtime.close();
});

test('what close reports as unsent counts each message of a sendMany that waits', async () => {
  const runtime = await join('report');
  const box = mailbox<number>('m', { capacity: 3 });
  const sender = await runtime.sender(box);
  await runtime.receiver(box);
  const sent = rejection(sender.sendMany([1, 2, 3, 4, 5, 6, 7]));
  const report = await runtime.close();
  expect(await sent).toMatchObject({ code: 'ERR_CLOSED', accepted: 3 });
  expect(report).toMatchObject({ unsent: 4 });
});
