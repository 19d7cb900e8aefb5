/** R10, R11: bodies that change and calls that overlap while a send is under way. */
import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { assertSame, numbers } from '../expect.js';
import type { Harness } from '../harness.js';
import { type ConformanceRule, rule } from '../rule.js';
import { trade } from '../trade.js';

async function copiesAtSend(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 1 });
  const body = () => ({
    list: [1, { deep: 'x' }],
    bytes: new Uint8Array([1, 2, 3]),
    map: new Map([['k', 'v']]),
    when: new Date(7),
  });
  const early = a.send(mailbox, body(), { mutate: true });
  await nextTurn();
  const receiver = await b.receiver(mailbox);
  await t.within(early, 'a send that waited for a host');
  const waiting = a.send(mailbox, body(), { mutate: true });
  assert.deepEqual(
    (await t.within(receiver.receive(), 'the first')).body,
    body(),
    'changed while it waited for a host',
  );
  await t.within(waiting, 'a send that waited for a place');
  assert.deepEqual(
    (await t.within(receiver.receive(), 'the second')).body,
    body(),
    'changed while it waited for a place',
  );
  assert.equal(await a.trySend(mailbox, body(), { mutate: true }), true);
  assert.deepEqual((await t.within(receiver.receive(), 'the third')).body, body(), 'changed after trySend');
}

async function copiesByEveryCodec(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  for (const codec of ['raw', 'json', 'msgpack'] as const)
    for (const size of [3, 70_000, 1_000_000]) {
      const mailbox = t.mailbox({ capacity: 1, codec });
      const body = () =>
        codec === 'json' ? { list: new Array(Math.ceil(size / 3)).fill(7) } : new Uint8Array(size).fill(7);
      const early = a.send(mailbox, body(), { mutate: true });
      const receiver = await b.receiver(mailbox);
      await t.within(early, 'a send');
      const waiting = a.send(mailbox, body(), { mutate: true });
      for (const _ of [1, 2])
        assertSame((await t.within(receiver.receive(), 'a message')).body, body(), `${codec}, ${size}`);
      await t.within(waiting, 'a send that waited for a place');
    }
}

async function copiesOfAllThatWait(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 1 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  const body = (n: number) => ({ n, text: 'x'.repeat(n % 97) });
  const count = t.place === 'process' ? 1500 : 200;
  const sends = Array.from({ length: count }, (_, n) => sender.send(body(n)));
  for (let n = 0; n < count; n++)
    assert.deepEqual((await t.within(receiver.receive(), `message ${n}`)).body, body(n));
  await t.within(Promise.all(sends), 'the sends');
}

async function copiesForEach(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 4 });
  const shared = { bytes: new Uint8Array(64).fill(7), items: [1, 2] };
  const receiver = await b.receiver(mailbox);
  await a.send(mailbox, shared);
  await a.send(mailbox, shared);
  const first = (await t.within(receiver.receive(), 'the first')).body as typeof shared;
  first.bytes.fill(0);
  first.items.length = 0;
  const second = (await t.within(receiver.receive(), 'the second')).body;
  assert.deepEqual(
    second,
    { bytes: new Uint8Array(64).fill(7), items: [1, 2] },
    'each receiver owns what it got',
  );
  assert.deepEqual(shared.items, [1, 2], 'the sender keeps what it sent');
}

async function manyAtOnce(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 16 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  const half = t.place === 'process' ? 500 : 200;
  const receives = Array.from({ length: half }, () => receiver.receive());
  const sends = Array.from({ length: 2 * half }, (_, n) => sender.send(n));
  const later = Array.from({ length: half }, () => receiver.receive());
  await t.within(Promise.all(sends), `${2 * half} concurrent sends`);
  const got = numbers(
    await t.within(Promise.all([...receives, ...later]), `${2 * half} concurrent receives`),
  ) as number[];
  assert.deepEqual(
    [...got].sort((x, y) => x - y),
    Array.from({ length: 2 * half }, (_, n) => n),
  );
}

async function manyLoopsAtOnce(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  for (const capacity of t.capacities(0, 3)) {
    const mailbox = t.mailbox({ capacity });
    await trade(t, {
      mailbox,
      producers: [a],
      consumers: [b],
      count: 400,
      produce: { window: 20 },
      consume: { window: 20 },
    });
  }
}

export const overlapping: readonly ConformanceRule[] = [
  rule('R10', 'a body changed after send arrives as it was', copiesAtSend),
  rule('R10', 'whatever the codec and the size', copiesByEveryCodec),
  rule('R10', 'however many sends wait at a time', copiesOfAllThatWait),
  rule('R10', 'two receivers of one object do not share it', copiesForEach),
  rule('R11', 'a thousand concurrent sends and receives on one handle', manyAtOnce),
  rule('R11', 'overlapping calls on one handle lose, double and disorder nothing', manyLoopsAtOnce),
];
