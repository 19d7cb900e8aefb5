/** R19, R20: which capacity a mailbox has. */
import assert from 'node:assert/strict';
import { burst, known } from '../burst.js';
import { numbers, rejects } from '../expect.js';
import type { Harness } from '../harness.js';
import { type ConformanceRule, rule } from '../rule.js';
import type { AddressSpec } from '../surface.js';

async function mismatchNamesBoth(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const { name } = t.mailbox();
  const as = (capacity?: number | 'unbounded'): AddressSpec =>
    capacity === undefined ? { kind: 'mailbox', name } : { kind: 'mailbox', name, capacity };
  await b.receiver(as(8));
  await t.until(() => a.trySend(as(), 'the host is known'), 'the host to be known');
  for (const [capacity, shown] of [
    [9, '9'],
    [0, '0'],
    ['unbounded', 'unbounded'],
  ] as const) {
    await rejects(a.sender(as(capacity)), 'ERR_CAPACITY_MISMATCH', name, '8', shown);
    await rejects(b.sender(as(capacity)), 'ERR_CAPACITY_MISMATCH', name, '8', shown);
    await rejects(c.receiver(as(capacity)), 'ERR_CAPACITY_MISMATCH', name, '8', shown);
    await rejects(b.receiver(as(capacity)), 'ERR_CAPACITY_MISMATCH', name, '8', shown);
    await rejects(a.send(as(capacity), 1), 'ERR_CAPACITY_MISMATCH');
    await rejects(a.trySend(as(capacity), 1), 'ERR_CAPACITY_MISMATCH');
  }
  await a.send(as(8), 'fits');
  assert.equal((await a.explain(as())).capacity, 8, 'opened without a capacity it adopts its own');
  const other = await c.receiver(as());
  assert.deepEqual(numbers(await other.receiveMany(9)), ['the host is known', 'fits']);
}

async function lateMismatch(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const { name } = t.mailbox();
  const early = await a.sender({ kind: 'mailbox', name, capacity: 3 });
  if (await t.isStore(a, { kind: 'mailbox', name })) {
    // The sender made it: the mismatch is the receiver's.
    await rejects(
      b.receiver({ kind: 'mailbox', name, capacity: 4 }),
      'ERR_CAPACITY_MISMATCH',
      name,
      '3',
      '4',
    );
    return;
  }
  const waiting = early.send('waits for a host');
  waiting.catch(() => undefined);
  await t.exchange(a, b);
  const receiver = await b.receiver({ kind: 'mailbox', name, capacity: 4 });
  await rejects(
    t.within(waiting, 'the send of a handle that expected another capacity'),
    'ERR_CAPACITY_MISMATCH',
    name,
    '3',
    '4',
  );
  await rejects(t.within(early.send('again'), 'the next send'), 'ERR_CAPACITY_MISMATCH');
  assert.equal(await receiver.tryReceive(), null);
}

async function configuredCapacity(t: Harness): Promise<void> {
  const name = t.unique('configured');
  const mailboxes = { [name]: { capacity: 2 } };
  const [a, b] = [await t.party({ mailboxes }), await t.party({ mailboxes })];
  await b.receiver({ kind: 'mailbox', name });
  await known(t, a, b, { kind: 'mailbox', name });
  assert.equal(
    await burst([a], { kind: 'mailbox', name }, 5),
    2,
    'mailboxes.<name>.capacity is its capacity',
  );
}

async function defaultIsBounded(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox();
  const receiver = await b.receiver(mailbox);
  await known(t, a, b, mailbox);
  assert.equal(await burst([a], mailbox, 1025), 1024);
  const { capacity } = await b.explain(mailbox);
  assert.equal(capacity, 1024);
  assert.equal(await a.trySend(mailbox, 1), false);
  assert.notEqual(await receiver.tryReceive(), null);
}

async function inboxIsBounded(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const inbox: AddressSpec = { kind: 'peer', name: b.name };
  await t.within(a.send(inbox, 'first'), 'a direct send');
  await b.receive({ kind: 'anyPeer' });
  assert.equal(await burst([a], inbox, 1030), 1024, 'an inbox holds 1024');
}

export const capacity: readonly ConformanceRule[] = [
  rule('R19', 'another capacity is ERR_CAPACITY_MISMATCH, naming both; none adopts', mismatchNamesBoth),
  rule(
    'R19',
    'a mismatch is found by whoever comes second; without a host, by send once there is one',
    lateMismatch,
  ),
  rule('R19', 'a configured capacity is the mailbox’s', configuredCapacity),
  rule('R20', 'the default capacity is 1024', defaultIsBounded),
  rule('R20', 'the inbox of a process holds 1024 direct messages', inboxIsBounded),
];
