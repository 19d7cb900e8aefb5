/** R16: priorities. */
import assert from 'node:assert/strict';
import { numbers } from '../expect.js';
import type { ReceiverHandle } from '../handles.js';
import type { Harness } from '../harness.js';
import type { Party } from '../party.js';
import { type ConformanceRule, rule } from '../rule.js';

const priorities = [0, 7, 31, 7, 0, 31, 1, 7, 30, 0];

async function sendAll(sender: Party, mailbox: Parameters<Party['send']>[0]): Promise<void> {
  for (const [n, priority] of priorities.entries()) await sender.send(mailbox, n, { priority });
}

async function byPriority(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const expected = priorities
    .map((priority, n) => ({ priority, n }))
    .sort((x, y) => y.priority - x.priority || x.n - y.n);
  const mailbox = t.mailbox({ capacity: 16, ordering: 'priority' });
  const receivers: ReceiverHandle[] = [await b.receiver(mailbox), await c.receiver(mailbox)];
  for (const receiver of receivers) {
    await sendAll(a, mailbox);
    const got = [await receiver.receive(), await receiver.tryReceive(), ...(await receiver.receiveMany(20))];
    assert.deepEqual(
      got.map((message) => ({ priority: message?.priority, n: message?.body })),
      expected,
    );
  }
}

async function priorityOvertakes(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 3, ordering: 'priority' });
  const receiver = await b.receiver(mailbox);
  for (const n of [0, 1, 2]) await a.send(mailbox, n);
  assert.equal((await receiver.receive()).body, 0);
  await a.send(mailbox, 'urgent', { priority: 9, type: 2 });
  assert.equal((await receiver.tryReceive({ type: 1 })) ?? null, null);
  assert.deepEqual(numbers(await receiver.receiveMany(3)), ['urgent', 1, 2]);
  for (const [n, priority] of [
    [0, 1],
    [1, 5],
    [2, 5],
  ] as const)
    await a.send(mailbox, n, { priority, type: 1 + (n % 2) });
  assert.equal((await receiver.receive({ type: 1 })).body, 2, 'the highest priority among those that match');
  assert.deepEqual(numbers(await receiver.receiveMany(3)), [1, 0]);
}

async function longPriorityBacklog(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 300, ordering: 'priority' });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  const all = Array.from({ length: 300 }, (_, n) => ({ n, priority: (n * 7) % 32, type: 1 + (n % 3) }));
  await t.within(
    Promise.all(all.map(({ n, ...options }) => sender.send(n, options))),
    'a long backlog of priorities',
  );
  const ordered = [...all].sort((x, y) => y.priority - x.priority || x.n - y.n);
  const expect = (type: number) =>
    ordered.splice(
      ordered.findIndex((each) => each.type === type),
      1,
    )[0]?.n;
  for (let n = 0; n < 60; n++) {
    const type = 1 + (n % 2);
    assert.equal((await receiver.receive({ type })).body, expect(type), `selection ${n} of type ${type}`);
  }
  const rest = [];
  while (rest.length < ordered.length) rest.push(...(await receiver.receiveMany(300)));
  assert.deepEqual(
    numbers(rest),
    ordered.map(({ n }) => n),
  );
}

async function fifoIgnoresPriority(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 16 });
  const receiver = await b.receiver(mailbox);
  await sendAll(a, mailbox);
  const got = await receiver.receiveMany(20);
  assert.deepEqual(
    numbers(got),
    priorities.map((_, n) => n),
    'first in, first out',
  );
  assert.deepEqual(
    got.map(({ priority }) => priority),
    priorities,
    'the priority is told all the same',
  );
}

export const priority: readonly ConformanceRule[] = [
  rule('R16', 'a higher priority is received first, first in first out within one', byPriority),
  rule('R16', 'a late high priority overtakes, and selection respects priority', priorityOvertakes),
  rule('R16', 'priorities and selection in a long backlog', longPriorityBacklog),
  rule('R16', 'without ordering: priority nothing overtakes', fifoIgnoresPriority),
];
