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

test.each(['send', 'sendMany'] as const)(
  '%s of a body that closes the sender as it is read',
  async (verb) => {
    const runtime = await join(`reads-${verb}`);
    const box = mailbox<unknown>('m', { capacity: 1 });
    const [sender, receiver] = [await runtime.sender(box), await runtime.receiver(box)];
    await sender.send('fills it');
    const body = {
      get closes() {
        void sender.close();
        return 1;
      },
    };
    const sent = verb === 'send' ? sender.send(body) : sender.sendMany([1, body, 3]);
    expect(await rejection(sent)).toMatchObject({ code: 'ERR_CLOSED' });
    expect((await receiver.receive()).body).toBe('fills it');
    expect(await receiver.tryReceive()).toBeNull();
    await runtime.close();
  },
);

test('a codec that gives bytes which it has transferred away is refused, and nothing of that is sent', async () => {
  const runtime = await join('transfers');
  const box = mailbox<number>('m', {
    codec: {
      name: 'odd',
      id: 3,
      encode: (body) => {
        const bytes = Uint8Array.of(body as number);
        if (body === 2) structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
        return bytes;
      },
      decode: ([number]) => number,
      verify: () => {},
    },
  });
  const [sender, receiver] = [await runtime.sender(box), await runtime.receiver(box)];
  expect(await rejection(sender.sendMany([1, 2, 3]))).toMatchObject({
    code: 'ERR_UNSERIALIZABLE',
    message: expect.stringContaining("codec 'odd' gave bytes whose memory it has transferred away"),
    accepted: 1,
  });
  expect((await receiver.receiveMany()).map(({ body }) => body)).toEqual([1]);
  await sender.close();
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

test('bodies that were encoded together go their own ways: borrowing one, alone or not, leaves the others', async () => {
  const runtime = await join('together');
  const box = mailbox<Uint8Array>('m', { codec: 'raw', capacity: 2000 });
  const [sender, receiver] = [await runtime.sender(box), await runtime.receiver(box)];
  const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(length & 0xff);
  const lengths = [700, 0, 5, 16_384, 16_385, 40_000, 3, ...Array.from({ length: 900 }, (_, i) => i % 100)];
  for (const all of [[5], [0, 5], lengths]) {
    await sender.sendMany(all.map(bytes));
    for (const length of all) {
      let lent: Uint8Array = bytes(1);
      const read = (body: Uint8Array): string => {
        lent = body;
        return Buffer.from(body).toString('hex');
      };
      expect(await receiver.borrow(({ body }) => read(body))).toBe(
        Buffer.from(bytes(length)).toString('hex'),
      );
      expect(lent.length).toBe(0);
    }
  }
  await sender.sendMany(lengths.map(bytes));
  for (const length of lengths) expect((await receiver.receive()).body).toEqual(Buffer.from(bytes(length)));
  await runtime.close();
});
