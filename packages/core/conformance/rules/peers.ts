/** R27: who is there and who is dead; and what R25 to R27 mean for a transport that stays within one process. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as later } from 'node:timers/promises';
import { numbers } from '../expect.js';
import type { Harness } from '../harness.js';
import type { Party } from '../party.js';
import { type ConformanceRule, rule } from '../rule.js';
import type { AddressSpec } from '../surface.js';

/** Longer than the second in which a death must be known: whoever judges by silence has judged by then. */
const SILENCE = 1500;

async function comeAndGo(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const up = await a.event('peer:up', ({ name }) => name === b.name, b.name);
  await b.event('peer:up', ({ name }) => name === a.name, a.name);
  assert.equal(up.pid, b.pid);
  assert.match(up.incarnation, /^[0-9a-f]{16}$/);
  const late = await t.party();
  const { incarnation } = await a.event('peer:up', ({ name }) => name === late.name, late.name);
  await late.event('peer:up', ({ name }) => name === a.name, 'one that was there before');
  await late.close();
  await late.leave();
  const down = await a.event('peer:down', ({ name }) => name === late.name, late.name);
  assert.deepEqual([down.incarnation, down.pid], [incarnation, late.pid]);
  const again = await t.party({ name: late.name });
  const isNew = (event: { name: string; incarnation: string }) =>
    event.name === late.name && event.incarnation !== incarnation;
  await a.event('peer:up', isNew, 'a second run of that name');
  assert.deepEqual(
    a.seen('peer:down').map(({ name }) => name),
    [late.name],
  );
  assert.equal(
    again.seen('peer:up').some(({ name }) => name === again.name),
    false,
    'nobody is his own peer',
  );
}

async function deathsAreKnown(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  for (const busy of [false, true]) {
    const dying = await t.party();
    // Who never knew of it need not be told that it is gone.
    for (const party of [a, b]) await party.event('peer:up', ({ name }) => name === dying.name, dying.name);
    if (busy)
      await dying.produce({ by: 'x', to: { kind: 'peer', name: b.name }, seed: 1, size: [0, 1_000_000] });
    await t.kill(dying);
    for (const party of [a, b]) await party.event('peer:down', ({ name }) => name === dying.name, dying.name);
    await t.exchange(a, b);
    assert.equal(a.seen('peer:down').filter(({ name }) => name === dying.name).length, 1, 'told once');
  }
}

/** A stopped process is met by one that joins, and dies at that moment. */
async function diesWhileMet(t: Harness): Promise<void> {
  const witness = await t.party();
  for (let round = 0; round < 2; round++) {
    await t.prepare(6);
    const dying = await t.party();
    await witness.event('peer:up', ({ name }) => name === dying.name, dying.name);
    dying.stop();
    const joining = Array.from({ length: 6 }, () => t.party({}, 'process'));
    for (let turns = t.random.integer(0, 12); turns > 0; turns--)
      await new Promise((resolve) => setImmediate(resolve));
    await t.kill(dying);
    for (const newcomer of await t.within(Promise.all(joining), 'processes to join next to a dying one')) {
      await t.exchange(newcomer, witness, 1);
      const ups = newcomer.seen('peer:up').filter(({ name }) => name === dying.name).length;
      if (ups > 0) await newcomer.event('peer:down', ({ name }) => name === dying.name, dying.name);
      await newcomer.close();
    }
    await witness.event('peer:down', ({ name }) => name === dying.name, dying.name);
  }
}

/**
 * Acknowledged work among others, every now and then, until the silence of one party would have counted as death, were it judged
 * by silence. Without pause it would show no more, and keep the processors from other tests.
 */
async function workThrough(t: Harness, a: Party, b: Party): Promise<void> {
  const end = performance.now() + SILENCE;
  const between = t.mailboxPair();
  for (;;) {
    await t.exchange(a, b, 1, between);
    if (performance.now() > end) return;
    await later(SILENCE / 30);
  }
}

async function stoppedIsNotDead(t: Harness): Promise<void> {
  const [a, b, stopped] = await t.group(3);
  await t.exchange(a, stopped);
  stopped.stop();
  await workThrough(t, a, b);
  for (const party of [a, b]) assert.deepEqual(party.seen('peer:down'), [], 'a stopped process is not dead');
  const waiting = a.send({ kind: 'peer', name: stopped.name }, 'for later');
  waiting.catch(() => undefined);
  stopped.resume();
  await t.within(waiting, 'a send to a process that goes on');
  assert.equal(
    (await t.within(stopped.receive({ kind: 'anyPeer' }), 'what was sent meanwhile')).body,
    'for later',
  );
  await t.exchange(b, stopped);
}

async function busyIsNotDead(t: Harness): Promise<void> {
  const [a, b, busy] = await t.group(3);
  await t.exchange(a, busy);
  const flag = join(t.scratch, 'go-on');
  const blocked = busy.call({ op: 'block', until: flag });
  await workThrough(t, a, b);
  for (const party of [a, b])
    assert.deepEqual(party.seen('peer:down'), [], 'a process whose event loop is busy is not dead');
  writeFileSync(flag, '');
  await t.within(blocked, 'the busy process');
  assert.deepEqual(busy.seen('peer:down'), [], 'nor are the others to it');
  await t.exchange(a, busy);
}

/** An agent process with the same settings, if they can be told to one. */
async function elsewhere(t: Harness): Promise<Party | null> {
  const { transport } = t.options;
  return typeof transport === 'string' || 'use' in transport ? t.party({}, 'processes') : null;
}

async function staysInProcess(
  t: Harness,
  check: (here: Party, there: Party | null, mailbox: AddressSpec) => Promise<void>,
): Promise<void> {
  const here = await t.party();
  const mailbox = t.mailbox({ capacity: 2 });
  const { capabilities } = await here.explain(mailbox);
  assert.equal(
    capabilities.crossProcess,
    false,
    'a transport that says crossProcess runs its suite in processes, too',
  );
  await check(here, await elsewhere(t), mailbox);
}

function senderElsewhere(t: Harness): Promise<void> {
  return staysInProcess(t, async (here, there, mailbox) => {
    const receiver = await here.receiver(mailbox);
    if (there !== null) {
      for (let n = 0; n < 5; n++) there.send(mailbox, n).catch(() => undefined);
      await there.tryReceive(mailbox);
      await t.kill(there);
    }
    assert.equal(await receiver.tryReceive(), null, 'no other process can send here, dead or alive');
    await here.send(mailbox, 1);
    assert.equal(await here.trySend(mailbox, 2), true, 'nor hold a place');
    assert.deepEqual(numbers(await receiver.receiveMany(5)), [1, 2]);
  });
}

function receiverElsewhere(t: Harness): Promise<void> {
  return staysInProcess(t, async (here, there, mailbox) => {
    there?.receive(mailbox).catch(() => undefined);
    await there?.tryReceive(mailbox);
    const receiver = await here.receiver(mailbox); // hosts it, where it needs a host
    await t.within(here.send(mailbox, 1), 'a send');
    if (there !== null) await t.kill(there);
    assert.equal(
      (await t.within(receiver.receive(), 'a receive')).body,
      1,
      'no other process can take from here',
    );
    assert.deepEqual(here.seen('mailbox:lost'), []);
  });
}

function peerElsewhere(t: Harness): Promise<void> {
  return staysInProcess(t, async (here, there) => {
    const twin = there === null ? null : await t.party({ name: here.name }, 'processes');
    if (there !== null) await t.kill(there);
    const friend = await t.party();
    await here.event('peer:up', ({ name }) => name === friend.name, friend.name);
    assert.deepEqual(
      here.seen('peer:up').map(({ name }) => name),
      [friend.name],
      'no other process is a peer',
    );
    assert.deepEqual(here.seen('peer:down'), []);
    await twin?.close();
  });
}

const alone = { unless: 'processes' } as const;

export const peers: readonly ConformanceRule[] = [
  {
    ...rule('R25', 'within one process: a killed process never was a sender', senderElsewhere, ['process']),
    ...alone,
  },
  {
    ...rule('R26', 'within one process: a killed process never was a receiver', receiverElsewhere, [
      'process',
    ]),
    ...alone,
  },
  {
    ...rule('R27', 'within one process: other processes are no peers', peerElsewhere, ['process']),
    ...alone,
  },
  rule('R27', 'peers are told who comes and who goes', comeAndGo),
  rule('R27', 'peers are told of a death', deathsAreKnown, ['threads', 'processes']),
  rule('R27', 'a process that dies while another joins is dead to it, too', diesWhileMet, ['processes']),
  rule('R27', 'a stopped process is not dead', stoppedIsNotDead, ['processes']),
  rule('R27', 'a busy process is not dead', busyIsNotDead, ['threads', 'processes']),
];
