/** R1–R4: what names identify, and who may hold one. */
import assert from 'node:assert/strict';
import { fails, numbers, rejects } from '../expect.js';
import type { Harness } from '../harness.js';
import { type ConformanceRule, rule } from '../rule.js';
import type { AddressSpec } from '../surface.js';

const refused: readonly unknown[] = [
  '',
  '.hidden',
  '-dash',
  '_low',
  'two words',
  'a/b',
  '../up',
  'a\0b',
  'line\n',
  'ümlaut',
  'x'.repeat(129),
  'a*',
  undefined,
  null,
  7,
  {},
];

const allowed = ['a', '7', 'A.b_c-D', 'constructor', 'toString', 'x'.repeat(128), 'a..b', 'o-._'];

async function sharedByPair(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 8 });
  const receiver = await c.receiver(mailbox);
  await a.send(mailbox, 'from a');
  await b.send(mailbox, 'from b');
  const messages = [
    await t.within(receiver.receive(), 'the first'),
    await t.within(receiver.receive(), 'the second'),
  ];
  assert.deepEqual(messages.map(({ body, from }) => [body, from]).sort(), [
    ['from a', a.name],
    ['from b', b.name],
  ]);
}

async function otherNames(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const base = t.unique('Name');
  const names = [base, base.toLowerCase(), `${base}.x`, `${base}-x`, `${base}_x`];
  const receivers = [];
  for (const name of names) receivers.push(await b.receiver({ kind: 'mailbox', name, capacity: 2 }));
  for (const name of names) await a.send({ kind: 'mailbox', name }, name);
  for (const [at, receiver] of receivers.entries()) {
    assert.equal((await t.within(receiver.receive(), `what was sent to '${names[at]}'`)).body, names[at]);
    assert.equal(await receiver.tryReceive(), null);
  }
}

async function otherNamespace(t: Harness): Promise<void> {
  const mailbox = t.mailbox({ capacity: 4 });
  const here = await t.party({ name: 'same' });
  const there = await t.party({ name: 'same', namespace: `${t.namespace}x` });
  const receiver = await there.receiver(mailbox);
  const store = await t.isStore(here, mailbox);
  assert.equal(await here.trySend(mailbox, 'here'), store, 'nobody hosts that name in this namespace');
  const other = await there.sender({ kind: 'peer', name: 'same' });
  await t.within(other.send('to itself'), 'a direct send within the other namespace');
  assert.equal(await receiver.tryReceive(), null, 'another mailbox');
  assert.equal(await here.tryReceive({ kind: 'anyPeer' }), null, 'another process');
  const own = await t.within(there.receive({ kind: 'anyPeer' }), 'what it sent itself');
  assert.equal(own.body, 'to itself');
}

async function peersAndMailboxesApart(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox: AddressSpec = { kind: 'mailbox', name: b.name, capacity: 2 };
  const receiver = await b.receiver(mailbox);
  await a.send({ kind: 'peer', name: b.name }, 'direct');
  assert.equal(await receiver.tryReceive(), null, 'a direct message is not in the mailbox of that name');
  await a.send(mailbox, 'indirect');
  assert.equal((await t.within(receiver.receive(), 'the mailbox')).body, 'indirect');
  assert.equal((await t.within(b.receive({ kind: 'anyPeer' }), 'the inbox')).body, 'direct');
}

async function refusesNames(t: Harness): Promise<void> {
  const party = await t.party();
  for (const name of refused as string[]) {
    await fails(() => party.sender({ kind: 'mailbox', name }), 'ERR_NAME');
    await fails(() => party.receive({ kind: 'peer', name }, { timeout: 0 }), 'ERR_NAME');
  }
  await rejects(party.send({ kind: 'mailbox', name: 'a/b' }, 1), 'ERR_NAME', 'a/b', 'mailbox');
}

async function refusesRuntimeNames(t: Harness): Promise<void> {
  for (const name of ['.x', 'a b', 'x'.repeat(129)]) {
    await rejects(t.party({ name }), 'ERR_NAME', 'name');
    await rejects(t.party({ namespace: name }), 'ERR_NAME', 'namespace');
  }
}

async function takesNames(t: Harness): Promise<void> {
  const sender = await t.party({ name: 'y'.repeat(128) });
  const receiver = await t.party({ name: 'hasOwnProperty' });
  for (const name of allowed) {
    const opened = await receiver.receiver({ kind: 'mailbox', name, capacity: 1 });
    const taken = opened.receive();
    await t.within(sender.send({ kind: 'mailbox', name }, name), `a send to '${name}'`);
    assert.equal((await t.within(taken, `a receive from '${name}'`)).from, 'y'.repeat(128));
  }
  await t.within(
    receiver.send({ kind: 'peer', name: 'y'.repeat(128) }, 'hello'),
    'a direct send to a long name',
  );
  assert.equal(
    (await t.within(sender.receive({ kind: 'anyPeer' }), 'a direct message')).from,
    'hasOwnProperty',
  );
}

async function onlyFromThatPeer(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const inbox: AddressSpec = { kind: 'peer', name: c.name };
  for (let n = 0; n < 3; n++) {
    await a.send(inbox, `a${n}`);
    await b.send(inbox, `b${n}`);
  }
  const fromB: AddressSpec = { kind: 'peer', name: b.name };
  const first = await t.within(c.receive(fromB), 'a message of b');
  assert.deepEqual([first.body, first.from], ['b0', b.name]);
  assert.equal((await t.within(c.receive(fromB), 'a message of b')).body, 'b1');
  const rest = [];
  for (let n = 0; n < 4; n++) rest.push(await t.within(c.receive({ kind: 'anyPeer' }), 'the other messages'));
  assert.deepEqual(
    rest.filter(({ from }) => from === a.name).map(({ body }) => body),
    ['a0', 'a1', 'a2'],
  );
  assert.deepEqual(
    rest.filter(({ from }) => from === b.name).map(({ body }) => body),
    ['b2'],
  );
}

async function notFromOthers(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const fromA: AddressSpec = { kind: 'peer', name: a.name };
  const waiting = c.receive(fromA);
  await b.send({ kind: 'peer', name: c.name }, 'not this');
  await t.stillPending(waiting, 'receive(peer(a))', b, c);
  assert.equal(await c.tryReceive(fromA), null);
  await a.send({ kind: 'peer', name: c.name }, 'this');
  assert.equal((await t.within(waiting, 'the message of a')).body, 'this');
  assert.deepEqual(numbers([await c.tryReceive({ kind: 'anyPeer' })]), ['not this']);
}

async function symmetric(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const early = a.send({ kind: 'peer', name: 'later' }, 'waits for its receiver to exist');
  await t.stillPending(early, 'a direct send to a process that is not there', a, b);
  assert.equal(await a.trySend({ kind: 'peer', name: 'later' }, 1), false);
  const later = await t.party({ name: 'later' });
  await t.within(early, 'the direct send, once its receiver exists');
  const message = await t.within(later.receive({ kind: 'peer', name: a.name }), 'the direct message');
  assert.equal(message.body, 'waits for its receiver to exist');
  const self: AddressSpec = { kind: 'peer', name: a.name };
  await t.within(a.send(self, 'to myself'), 'a direct send to oneself');
  assert.equal((await t.within(a.receive(self), 'a message from oneself')).from, a.name);
}

async function establishedSender(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  await a.send({ kind: 'peer', name: b.name }, { from: 'somebody-else', name: 'root', type: 9 });
  const message = await t.within(b.receive({ kind: 'anyPeer' }), 'a direct message');
  assert.deepEqual([message.from, message.type, message.priority], [a.name, undefined, 0]);
  assert.ok(Math.abs(message.sentAt - Date.now()) < 3_600_000, 'sentAt is the wall clock in milliseconds');
  const receiver = await b.receiver({ kind: 'anyPeer' });
  const sender = await a.sender({ kind: 'peer', name: b.name });
  await sender.send('by handle', { type: 5, priority: 3 });
  const second = await t.within(receiver.receive(), 'a direct message by handle');
  assert.deepEqual([second.body, second.from, second.type, second.priority], ['by handle', a.name, 5, 3]);
}

async function oneHolder(t: Harness): Promise<void> {
  const first = await t.party({ name: 'holder' });
  const other = await t.party();
  await rejects(t.party({ name: 'holder' }), 'ERR_IN_USE', 'holder');
  await t.exchange(first, other);
  await rejects(t.party({ name: 'holder' }), 'ERR_IN_USE', 'holder');
}

async function oneOfManyWins(t: Harness): Promise<void> {
  const rounds = t.place === 'processes' ? 2 : 5;
  for (let round = 0; round < rounds; round++) {
    const name = t.unique('contested');
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => t.party({ name })));
    const losers = outcomes.filter((outcome) => outcome.status === 'rejected');
    assert.equal(losers.length, 4, `one of five holds the name; ${losers.map(({ reason }) => reason)}`);
    for (const { reason } of losers) await rejects(Promise.reject(reason), 'ERR_IN_USE', name);
  }
}

async function freeAfterClose(t: Harness): Promise<void> {
  const other = await t.party();
  for (let round = 0; round < 3; round++) {
    const holder = await t.party({ name: 'again' });
    await t.exchange(holder, other, 1);
    await holder.close();
    await t.letGo(holder);
  }
}

async function freeAfterDeath(t: Harness): Promise<void> {
  const other = await t.party();
  for (let round = 0; round < 3; round++) {
    const holder = await t.party({ name: 'mortal' });
    await t.exchange(holder, other, 1);
    await t.kill(holder);
    const heir = await t.party({ name: 'mortal' });
    await t.exchange(heir, other, 1);
    await heir.close();
    await t.letGo(heir);
  }
}

async function stoppedStillHolds(t: Harness): Promise<void> {
  const holder = await t.party({ name: 'asleep' });
  holder.stop();
  await rejects(t.party({ name: 'asleep' }), 'ERR_IN_USE', 'asleep');
  holder.resume();
}

export const naming: readonly ConformanceRule[] = [
  rule('R1', 'every process that opens a name of its namespace shares that mailbox', sharedByPair),
  rule('R1', 'names that differ are mailboxes that differ', otherNames),
  rule('R1', 'the same name in another namespace is another mailbox and another process', otherNamespace),
  rule('R1', 'a process and a mailbox may have the same name', peersAndMailboxesApart),
  rule('R1', 'a name outside the pattern is ERR_NAME', refusesNames),
  rule('R1', 'a runtime or namespace name outside the pattern is ERR_NAME', refusesRuntimeNames, ['process']),
  rule('R1', 'every name inside the pattern works, of 1 to 128 characters', takesNames),
  rule('R2', 'receive(peer(P)) takes only what P sent; the rest stays, in order', onlyFromThatPeer),
  rule('R2', 'receive(peer(P)) waits while there is only what others sent', notFromOthers),
  rule('R2', 'a direct send waits until its receiver exists, and may be to oneself', symmetric),
  rule('R3', 'from is what the transport established, not what the body claims', establishedSender),
  rule('R4', 'the second runtime of one name gets ERR_IN_USE', oneHolder),
  rule('R4', 'of many that claim one name at once exactly one gets it', oneOfManyWins),
  rule('R4', 'a name is free again once its holder has closed', freeAfterClose),
  rule('R4', 'the name of a dead holder is free at once', freeAfterDeath, ['threads', 'processes']),
  rule('R4', 'a stopped holder keeps its name', stoppedStillHolds, ['processes']),
];
