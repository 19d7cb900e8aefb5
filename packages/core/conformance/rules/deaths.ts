/** R25, R26: senders, receivers and hosts that die or stop, at any instant. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  assertBalanced,
  assertNoFailures,
  balance,
  journalPath,
  readConsumed,
  readProduced,
} from '../accounting.js';
import { numbers } from '../expect.js';
import { bytesRecipe } from '../fixtures.js';
import type { Harness } from '../harness.js';
import { type ConformanceRule, rule } from '../rule.js';
import type { Place } from '../surface.js';
import { untilAtRest } from '../trade.js';

const apart: readonly Place[] = ['threads', 'processes'];

/** Kills producers of large bodies while they write, one after another, next to one that lives. */
async function senderDiesWriting(t: Harness): Promise<void> {
  const [host, living] = await t.group(2);
  await t.prepare(3);
  const mailbox = t.mailbox({ capacity: 4 });
  const consuming = await host.consume({ from: mailbox, seed: 1 });
  const steady = await living.produce({ by: 'living', to: mailbox, seed: 2, size: [0, 5000] });
  const names: string[] = [];
  for (let round = 0; round < 3; round++) {
    const by = `dying${round}`;
    names.push(by);
    const dying = await t.party();
    const size = [100_000, 2_000_000] as const;
    const loop = await dying.produce({
      by,
      to: mailbox,
      seed: round,
      size,
      journal: journalPath(t.scratch, by),
      window: 2,
    });
    const enough = t.random.integer(0, 4);
    await t.until(
      async () => (await loop.progress()) >= enough,
      'the doomed sender to be under way',
      () => consuming.progress(),
    );
    await t.kill(dying);
    const before = await steady.progress();
    await t.until(
      async () => (await steady.progress()) > before + 5,
      'the other sender to get on after a death',
    );
  }
  const produced = [await t.within(steady.stop(), 'the living sender to stop')];
  for (const by of names) produced.push(readProduced(journalPath(t.scratch, by), by));
  const accepted = produced.reduce((sum, report) => sum + report.accepted.length, 0);
  await t.until(
    async () => (await consuming.progress()) >= accepted,
    'all that was accepted',
    () => consuming.progress(),
  );
  const consumed = [await t.within(consuming.stop(), 'the receiver to stop')];
  assertNoFailures([...produced, ...consumed]);
  assertBalanced(balance(produced, consumed), { order: false });
}

async function senderDiesWaiting(t: Harness): Promise<void> {
  const [host, living] = await t.group(2);
  for (const capacity of t.capacities(0, 2)) {
    const mailbox = t.mailbox({ capacity });
    const receiver = await host.receiver(mailbox);
    const dying = await t.party();
    for (let n = 0; n < capacity; n++) await dying.send(mailbox, 'accepted');
    const blocked = [dying.send(mailbox, 'waiting'), dying.send(mailbox, bytesRecipe(2_000_000))];
    await t.stillPending(Promise.race(blocked), 'sends that wait', dying, host);
    await host.event('peer:up', ({ name }) => name === dying.name, dying.name); // who never knew of it is not told
    await t.kill(dying);
    await host.event('peer:down', ({ name }) => name === dying.name, dying.name);
    for (let n = 0; n < capacity; n++) assert.equal((await receiver.receive()).body, 'accepted');
    // What waited may have got in or not; after it the mailbox is as exact as ever.
    while ((await receiver.tryReceive()) !== null);
    await t.exchange(living, host);
    const sender = await living.sender(mailbox);
    for (let n = 0; n < capacity; n++)
      assert.equal(await sender.trySend(n), true, 'no place is held by the dead');
    assert.equal(await sender.trySend('one more'), false);
    if (capacity > 0) assert.deepEqual(numbers(await receiver.receiveMany(9)), [0, 1]);
  }
}

async function stoppedSenderBlocksNobody(t: Harness): Promise<void> {
  const [host, living, stopped] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 3 });
  const consuming = await host.consume({ from: mailbox, seed: 1 });
  const slow = await stopped.produce({
    by: 'stopped',
    to: mailbox,
    seed: 2,
    count: 20,
    size: [0, 4_000_000],
  });
  await t.until(async () => (await slow.progress()) > 0, 'the sender to be under way');
  stopped.stop();
  const steady = await living.produce({ by: 'living', to: mailbox, seed: 3, count: 100 });
  const going = await t.watchdog.finished(steady.report(), 'the other sender, next to a stopped one', () =>
    steady.progress(),
  );
  assert.deepEqual(host.seen('peer:down'), [], 'a stopped process is not dead');
  stopped.resume();
  const produced = [
    going,
    await t.watchdog.finished(slow.report(), 'the sender, once resumed', () => consuming.progress()),
  ];
  await t.until(
    async () => (await consuming.progress()) >= 120,
    'everything to be received',
    () => consuming.progress(),
  );
  const consumed = [await t.within(consuming.stop(), 'the receiver to stop')];
  assertNoFailures([...produced, ...consumed]);
  assertBalanced(balance(produced, consumed));
}

/** A receiver that is not the host dies, waiting or at work. */
async function receiverDies(t: Harness): Promise<void> {
  const [host, sender] = await t.group(2);
  await t.prepare(3);
  const mailbox = t.mailbox({ capacity: 8 });
  const keeping = await host.consume({ from: mailbox, seed: 1 });
  const steady = await sender.produce({ by: 'steady', to: mailbox, seed: 2, window: 3, size: [0, 200_000] });
  const journals: string[] = [];
  for (let round = 0; round < 3; round++) {
    const dying = await t.party();
    const journal = journalPath(t.scratch, dying.name);
    journals.push(journal);
    const loop = await dying.consume({ from: mailbox, seed: round, journal, interrupted: 0.2 });
    const enough = t.random.integer(0, 10);
    await t.until(async () => (await loop.progress()) >= enough, 'the doomed receiver to be under way');
    await t.kill(dying);
  }
  const produced = [await t.within(steady.stop(), 'the sender to stop')];
  await untilAtRest(t, host, mailbox, [keeping]);
  const gone = journals.map((journal, at) => readConsumed(journal, `dead ${at}`));
  const consumed = [await t.within(keeping.stop(), 'the receiver to stop'), ...gone];
  assertNoFailures([...produced, ...consumed]);
  // One call was under way in each: at most one message, which it had received, went with it.
  assertBalanced(balance(produced, consumed), { mayLose: journals.length, order: false });
}

async function waitingReceiverDies(t: Harness): Promise<void> {
  const [host, sender] = await t.group(2);
  for (const capacity of t.capacities(0, 4)) {
    const mailbox = t.mailbox({ capacity });
    const receiver = await host.receiver(mailbox);
    const dying = await t.party();
    const waiting = [dying.receive(mailbox), dying.receive(mailbox)];
    await t.stillPending(Promise.race(waiting), 'receives that wait', dying, host);
    await host.event('peer:up', ({ name }) => name === dying.name, dying.name); // who never knew of it is not told
    await t.kill(dying);
    await host.event('peer:down', ({ name }) => name === dying.name, dying.name);
    if (capacity === 0)
      assert.equal(await sender.trySend(mailbox, 1), false, 'the dead do not wait for a message');
    const sends = [0, 1, 2].map((n) => sender.send(mailbox, n));
    const got = [await receiver.receive(), await receiver.receive(), await receiver.receive()];
    assert.deepEqual(numbers(got), [0, 1, 2], 'a dead process takes nothing');
    await t.within(Promise.all(sends), 'all sends');
  }
}

async function messagesWait(t: Harness): Promise<void> {
  const [sender, observer] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 8 });
  const host = await t.party();
  await host.receiver(mailbox);
  for (let n = 0; n < 5; n++) await sender.send(mailbox, n);
  const store = await t.isStore(sender, mailbox);
  await observer.event('peer:up', ({ name }) => name === host.name, host.name); // who never knew of it is not told
  await t.kill(host);
  await observer.event('peer:down', ({ name }) => name === host.name, host.name);
  if (!store) {
    const lost = await sender.event('mailbox:lost', (event) => event.mailbox === mailbox.name, mailbox.name);
    assert.deepEqual(
      lost,
      { mailbox: mailbox.name, host: host.name, lost: 5 },
      'what died with the host is reported',
    );
  }
  const next = await observer.receiver(mailbox);
  await t.within(sender.send(mailbox, 5), 'a send to the next receiver');
  const got = [];
  for (let n = store ? 0 : 5; n < 6; n++) got.push((await t.within(next.receive(), 'a message')).body);
  assert.deepEqual(
    got,
    store ? [0, 1, 2, 3, 4, 5] : [5],
    'on a store unreceived messages wait for the next receiver',
  );
  if (!store) await observer.event('mailbox:host', (event) => event.host === observer.name, mailbox.name);
}

/**
 * A receiver that dies as soon as it has a message, when the host took nothing of what it wrote: the word that it has it may not have left.
 */
async function hasItAlone(t: Harness): Promise<void> {
  const [host, other, receiver] = await t.group(3);
  const [mailbox, bulk] = [t.mailbox({ capacity: 4 }), t.mailbox({ capacity: 4 })];
  const hosting = await host.receiver(mailbox);
  await host.receiver(bulk);
  await receiver.send(bulk, 'the way is open');
  const waiting = receiver.receive(mailbox);
  await t.stillPending(waiting, 'a receive', receiver, host);
  const flag = join(t.scratch, 'go-on');
  const then = { address: bulk, body: bytesRecipe(15_000_000) };
  const blocked = receiver.call({ op: 'block', until: flag, then });
  await t.until(() => existsSync(`${flag}.blocked`), 'the receiver to be busy');
  await other.send(mailbox, 'one');
  await t.exchange(other, host);
  host.stop();
  writeFileSync(flag, '');
  await t.within(blocked, 'the busy receiver');
  const has = waiting.then(() => true);
  // With a host that takes nothing it may have to wait for it; whenever it has the message, it has it for good.
  const early = await Promise.race([has, t.exchange(receiver, other).then(() => false)]);
  if (!early) host.resume();
  await t.within(has, 'the receive');
  await t.kill(receiver);
  if (early) host.resume();
  await host.event('peer:down', ({ name }) => name === receiver.name, receiver.name);
  await t.exchange(other, host);
  assert.equal(await hosting.tryReceive(), null, 'what one receiver had, no other gets');
}

export const deaths: readonly ConformanceRule[] = [
  rule(
    'R25',
    'senders killed while they write large messages leave nothing partial and block nobody',
    senderDiesWriting,
    apart,
  ),
  rule('R25', 'a sender killed while it waits holds no place', senderDiesWaiting, apart),
  rule('R25', 'a sender stopped while it writes blocks nobody and goes on', stoppedSenderBlocksNobody, [
    'processes',
  ]),
  rule('R12', 'a receiver that dies as soon as it has a message was the only one to get it', hasItAlone, [
    'processes',
  ]),
  rule('R26', 'a receiver killed at work loses at most what it had received', receiverDies, apart),
  rule('R26', 'a receiver killed while it waits takes nothing', waitingReceiverDies, apart),
  rule(
    'R26',
    'unreceived messages of a killed process wait on a store, and are reported lost elsewhere',
    messagesWait,
    apart,
  ),
];
