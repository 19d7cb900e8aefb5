/** R14, R15: taking without waiting, and selecting. */
import assert from 'node:assert/strict';
import { fails, numbers } from '../expect.js';
import type { Harness } from '../harness.js';
import type { Party } from '../party.js';
import { type ConformanceRule, rule } from '../rule.js';

async function emptyIsNull(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  for (const capacity of t.capacities(0, 3, 'unbounded')) {
    const mailbox = t.mailbox({ capacity });
    assert.equal(await t.within(b.tryReceive(mailbox), 'tryReceive of an empty mailbox'), null);
    const [host, other] = [await b.receiver(mailbox), await c.receiver(mailbox)];
    assert.equal(await t.within(other.tryReceive(), 'tryReceive of an empty mailbox hosted elsewhere'), null);
    if (capacity === 0) continue;
    await a.send(mailbox, 1);
    assert.equal((await other.tryReceive())?.body, 1);
    assert.equal(await other.tryReceive(), null);
    assert.equal(await host.tryReceive(), null);
  }
  assert.equal(await a.tryReceive({ kind: 'anyPeer' }), null);
}

async function takesFromBlockedSender(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 0 });
  const host = await b.receiver(mailbox);
  const other = await c.receiver(mailbox);
  for (const receiver of [host, other]) {
    const sent = a.send(mailbox, { n: 1 }, { type: 4 });
    const message = await t.until(() => receiver.tryReceive(), 'tryReceive to meet the blocked sender');
    assert.deepEqual([message.body, message.type, message.from], [{ n: 1 }, 4, a.name]);
    await t.within(sent, 'the send that was met');
    assert.equal(await receiver.tryReceive(), null);
  }
}

async function blockingForms(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 4 });
  const receiver = await b.receiver(mailbox);
  const { sync } = (await b.explain(mailbox)).capabilities;
  await a.send(mailbox, 1);
  await a.send(mailbox, 2);
  if (!sync) {
    await fails(() => receiver.receiveSync(), 'ERR_UNSUPPORTED', 'receiveSync');
    await fails(() => receiver.tryReceiveSync(), 'ERR_UNSUPPORTED', 'tryReceiveSync');
    assert.deepEqual(numbers(await receiver.receiveMany(5)), [1, 2], 'a refused receiveSync took nothing');
    return;
  }
  assert.equal((await receiver.receiveSync()).body, 1);
  assert.equal((await receiver.tryReceiveSync())?.body, 2);
  assert.equal(await receiver.tryReceiveSync(), null);
  await fails(() => receiver.receiveSync({ timeout: 5 }), 'ERR_TIMEOUT');
  await a.send(mailbox, 3);
  assert.equal((await receiver.receive()).body, 3, 'a receiveSync that timed out took nothing');
}

/** Sends `n` with `type`, for each pair. */
async function sendTyped(
  from: Party,
  mailbox: Parameters<Party['send']>[0],
  ...pairs: [n: number, type?: number][]
): Promise<void> {
  for (const [n, type] of pairs) await from.send(mailbox, n, type === undefined ? {} : { type });
}

async function selectsByType(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 16 });
  const host = await b.receiver(mailbox);
  const other = await c.receiver(mailbox);
  for (const receiver of [host, other]) {
    await sendTyped(a, mailbox, [0, 1], [1, 2], [2, 1], [3], [4, 3], [5, 2], [6, 2 ** 31 - 1]);
    assert.equal((await receiver.receive({ type: 2 })).body, 1, 'the earliest of that type');
    assert.equal((await receiver.receive({ type: [3, 2] })).body, 4, 'the earliest of those types');
    assert.equal((await receiver.tryReceive({ type: 2 ** 31 - 1 }))?.body, 6);
    assert.equal(await receiver.tryReceive({ type: 7 }), null);
    assert.equal(await receiver.tryReceive({ type: [] }), null, 'no type matches none');
    assert.deepEqual(numbers(await receiver.receiveMany(2, { type: [1] })), [0, 2]);
    assert.deepEqual(numbers(await receiver.receiveMany(9)), [3, 5], 'the rest keeps its order');
  }
}

async function selectsBySender(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 16 });
  const receiver = await c.receiver(mailbox);
  await sendTyped(a, mailbox, [0, 1], [1, 2]);
  await sendTyped(b, mailbox, [10, 1], [11, 2], [12, 1]);
  await sendTyped(a, mailbox, [2, 1]);
  assert.equal((await receiver.receive({ from: b.name })).body, 10);
  assert.equal((await receiver.receive({ from: b.name, type: 1 })).body, 12, 'both must match');
  assert.equal((await receiver.receive({ from: a.name, type: 2 })).body, 1);
  assert.equal(await receiver.tryReceive({ from: 'nobody' }), null);
  assert.equal(await receiver.tryReceive({ from: a.name, type: 2 }), null);
  const rest = await receiver.receiveMany(9);
  const bodies = (name: string) => numbers(rest.filter(({ from }) => from === name));
  assert.deepEqual([bodies(a.name), bodies(b.name)], [[0, 2], [11]]);
}

async function waitsForMatch(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 8 });
  const host = await b.receiver(mailbox);
  const other = await c.receiver(mailbox);
  const picky = [host.receive({ type: 2 }), other.receive({ type: 3 })];
  await sendTyped(a, mailbox, [0, 1], [1, 1]);
  await t.stillPending(Promise.race(picky), 'a receive of another type', a, b);
  assert.equal(
    (await t.within(other.receive(), 'a receive of any type')).body,
    0,
    'is served before those that cannot be',
  );
  await sendTyped(a, mailbox, [2, 3], [3, 2]);
  assert.deepEqual(numbers(await t.within(Promise.all(picky), 'the receives of those types')), [3, 2]);
  assert.equal((await host.receive()).body, 1);
}

async function selectsAtRendezvous(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 0 });
  const receiver = await b.receiver(mailbox);
  const sends = [
    a.send(mailbox, 1, { type: 1 }),
    a.send(mailbox, 2, { type: 2 }),
    a.send(mailbox, 3, { type: 1 }),
  ];
  assert.equal((await t.within(receiver.receive({ type: 2 }), 'the sender of type 2')).body, 2);
  assert.equal((await t.within(receiver.receive({ type: [1, 2] }), 'the first sender of type 1')).body, 1);
  assert.equal((await t.within(receiver.receive(), 'the last sender')).body, 3);
  await t.within(Promise.all(sends), 'all sends');
  const waiting = receiver.receive({ type: 5 });
  await t.exchange(a, b);
  assert.equal(
    await a.trySend(mailbox, 0, { type: 4 }),
    false,
    'a receive of another type is not waiting for this one',
  );
  assert.equal(await a.trySend(mailbox, 5, { type: 5 }), true);
  assert.equal((await t.within(waiting, 'the receive of type 5')).body, 5);
}

async function longBacklog(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 600 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  const all = Array.from({ length: 600 }, (_, n) => n);
  await t.within(Promise.all(all.map((n) => sender.send(n, { type: 1 + (n % 5) }))), 'a long backlog');
  const take = async (type: number, count: number) => {
    const got = [];
    while (got.length < count) got.push(...(await receiver.receiveMany(count - got.length, { type })));
    return numbers(got);
  };
  assert.deepEqual(await take(4, 100), all.filter((n) => n % 5 === 3).slice(0, 100));
  assert.deepEqual(await take(1, 50), all.filter((n) => n % 5 === 0).slice(0, 50));
  const left = all.filter((n) => (n % 5 === 3 ? n >= 500 : n % 5 === 0 ? n >= 250 : true));
  const rest = [];
  while (rest.length < left.length) rest.push(...(await receiver.receiveMany(600)));
  assert.deepEqual(numbers(rest), left);
}

async function refusesTypes(t: Harness): Promise<void> {
  const party = await t.party();
  const mailbox = t.mailbox();
  for (const type of [0, -1, 1.5, 2 ** 31, Number.NaN, 'x'] as number[]) {
    await fails(() => party.trySend(mailbox, 1, { type }), 'ERR_CONFIG', 'type');
    await fails(() => party.tryReceive(mailbox, { type }), 'ERR_CONFIG', 'type');
    await fails(() => party.tryReceive(mailbox, { type: [1, type] }), 'ERR_CONFIG', 'type');
  }
  for (const priority of [-1, 32, 0.5, 'high'] as number[])
    await fails(() => party.trySend(mailbox, 1, { priority }), 'ERR_CONFIG', 'priority');
}

export const receiving: readonly ConformanceRule[] = [
  rule('R14', 'tryReceive of an empty mailbox is null', emptyIsNull),
  rule('R14', 'at capacity 0 tryReceive takes from a blocked sender', takesFromBlockedSender),
  rule('R14', 'receiveSync and tryReceiveSync keep the same promise, or are ERR_UNSUPPORTED', blockingForms),
  rule('R15', 'type takes the earliest match and leaves the rest in order', selectsByType),
  rule('R15', 'from, and type with from, select', selectsBySender),
  rule('R15', 'a receive that selects waits for its match and holds up no other', waitsForMatch),
  rule('R15', 'selection at capacity 0 meets the sender that matches', selectsAtRendezvous),
  rule('R15', 'selection from a long backlog', longBacklog),
  rule('R15', 'a type or priority out of range is ERR_CONFIG', refusesTypes),
];
