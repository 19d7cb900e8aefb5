/** R26 for hosted mailboxes: a surviving receiver becomes the host, and senders find it. Stores pass the same tests with no loss. */
import assert from 'node:assert/strict';
import {
  assertBalanced,
  assertNoFailures,
  balance,
  type Consumed,
  journalPath,
  readConsumed,
} from '../accounting.js';
import { forLater } from '../expect.js';
import type { ReceiverHandle } from '../handles.js';
import type { Harness } from '../harness.js';
import type { Party } from '../party.js';
import { type ConformanceRule, rule } from '../rule.js';
import type { AddressSpec, Place } from '../surface.js';
import { progressOf, untilAtRest } from '../trade.js';

const apart: readonly Place[] = ['threads', 'processes'];

/** At most so many messages went with dead hosts, as the senders that live report it. */
function reportedLost(parties: readonly Party[], mailbox: AddressSpec & { kind: 'mailbox' }): number {
  const events = parties
    .flatMap((party) => party.seen('mailbox:lost'))
    .filter((event) => event.mailbox === mailbox.name);
  return events.reduce((sum, { lost }) => sum + lost, 0);
}

async function survivorHosts(t: Harness): Promise<void> {
  const [sender, survivor] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 2 });
  const host = await t.party();
  await host.receiver(mailbox);
  const receiver = await survivor.receiver(mailbox);
  await sender.send(mailbox, 'dies with its host');
  const store = await t.isStore(sender, mailbox);
  await t.kill(host);
  if (!store) {
    await survivor.event(
      'mailbox:host',
      (event) => event.mailbox === mailbox.name && event.host === survivor.name,
      mailbox.name,
    );
    const lost = await sender.event('mailbox:lost', (event) => event.mailbox === mailbox.name, mailbox.name);
    assert.deepEqual([lost.host, lost.lost], [host.name, 1]);
  }
  await t.within(sender.send(mailbox, 'finds the survivor'), 'a send after the host died');
  const first = await t.within(receiver.receive(), 'a receive at the survivor');
  assert.equal(first.body, store ? 'dies with its host' : 'finds the survivor');
}

async function waitingReceiveSurvives(t: Harness): Promise<void> {
  const [sender, survivor, other] = await t.group(3);
  for (const capacity of t.capacities(0, 3)) {
    const mailbox = t.mailbox({ capacity });
    const host = await t.party();
    await host.receiver(mailbox);
    const waiting = [survivor.receive(mailbox), other.receive(mailbox), other.receive(mailbox, { type: 7 })];
    await t.stillPending(Promise.race(waiting), 'receives at other processes', survivor, host);
    await t.exchange(other, host);
    await t.kill(host);
    const sends = [1, 2].map((n) => sender.send(mailbox, n));
    sends.push(sender.send(mailbox, 3, { type: 7 }));
    const got = await t.within(Promise.all(waiting), 'receives that waited while the host died');
    assert.equal(got[2]?.body, 3);
    assert.deepEqual([got[0]?.body, got[1]?.body].sort(), [1, 2]);
    await t.within(Promise.all(sends), 'the sends to the new host');
  }
}

async function waitingSendSurvives(t: Harness): Promise<void> {
  const [sender, survivor] = await t.group(2);
  for (const capacity of t.capacities(0, 1)) {
    const mailbox = t.mailbox({ capacity });
    const host = await t.party();
    await host.receiver(mailbox);
    const receiver = await survivor.receiver(mailbox);
    if (capacity === 1) await sender.send(mailbox, 'fills it');
    const waiting = [1, 2, 3].map((n) => sender.send(mailbox, n));
    await t.stillPending(Promise.race(waiting), 'sends to a full mailbox', sender, host);
    await t.kill(host);
    const consuming = forLater(drain(t, receiver));
    const outcomes = await t.within(Promise.allSettled(waiting), 'sends that waited while the host died');
    const sent = [1, 2, 3].filter((_, at) => outcomes[at]?.status === 'fulfilled');
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        assert.equal((outcome.reason as { code?: string }).code, 'ERR_OUTCOME_UNKNOWN');
    await t.within(sender.send(mailbox, 'end'), 'a last send');
    const got = (await t.within(consuming, 'all messages')).filter((body) => typeof body === 'number');
    for (const n of sent) assert.ok(got.includes(n), `${n} was accepted after all, so it arrives: ${got}`);
    assert.equal(new Set(got).size, got.length, 'none arrives twice');
  }
}

async function drain(t: Harness, receiver: ReceiverHandle): Promise<unknown[]> {
  const got: unknown[] = [];
  for (;;) {
    const { body } = await t.within(receiver.receive(), 'the next message');
    if (body === 'end') return got;
    got.push(body);
  }
}

/** Hosts die one after another while everybody works. */
async function hostsDieAtWork(t: Harness): Promise<void> {
  const [a, b, keeper] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 6 });
  const consumed: Consumed[] = [];
  const kills = 4;
  let host = await t.party();
  await t.prepare(kills);
  let journal = journalPath(t.scratch, host.name);
  await host.consume({ from: mailbox, seed: 50, journal });
  const steady = [
    await a.produce({ by: 'a', to: mailbox, seed: 1, window: 3, interrupted: 0.1, size: [0, 3000] }),
    await b.produce({ by: 'b', to: mailbox, seed: 2, size: [0, 100_000] }),
  ];
  for (let round = 0; round < kills; round++) {
    const before = await progressOf(steady);
    await t.until(async () => (await progressOf(steady)) > before + 20, 'senders to get on with this host');
    const heir = await t.party();
    const heirJournal = journalPath(t.scratch, heir.name);
    const inheriting = await heir.consume({ from: mailbox, seed: round, journal: heirJournal });
    const enough = t.random.integer(1, 8);
    await t.until(async () => (await inheriting.progress()) >= enough, 'the heir to receive something');
    await t.kill(host);
    consumed.push(readConsumed(journal, host.name));
    [host, journal] = [heir, heirJournal];
  }
  const last = await keeper.consume({ from: mailbox, seed: 60 });
  await t.until(async () => (await last.progress()) > 0, 'the last receiver to receive something');
  const produced = await Promise.all(steady.map((loop) => t.within(loop.stop(), 'a sender to stop')));
  await untilAtRest(t, keeper, mailbox, [last]);
  consumed.push(await t.within(last.stop(), 'the last receiver to stop'), readConsumed(journal, host.name));
  assertNoFailures([...produced, ...consumed]);
  const mayLose = reportedLost([a, b], mailbox) + kills;
  assertBalanced(balance(produced, consumed), { mayLose, order: false });
}

export const takeover: readonly ConformanceRule[] = [
  rule(
    'R26',
    'a surviving receiver becomes the host and senders find it by themselves',
    survivorHosts,
    apart,
  ),
  rule('R26', 'receives that wait at other processes outlive the host', waitingReceiveSurvives, apart),
  rule('R26', 'sends that wait outlive the host, or their outcome is unknown', waitingSendSurvives, apart),
  rule(
    'R26',
    'hosts that die at work lose what is reported, double nothing, and hold up nobody',
    hostsDieAtWork,
    apart,
  ),
];
