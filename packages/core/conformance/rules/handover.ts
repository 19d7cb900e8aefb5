/** R24 for what mailboxes hold when their processes close. */
import assert from 'node:assert/strict';
import { assertBalanced, assertNoFailures, balance, type Consumed, type Produced } from '../accounting.js';
import { numbers } from '../expect.js';
import { bytesRecipe, expectedDigest } from '../fixtures.js';
import type { RunningLoop } from '../handles.js';
import type { Harness } from '../harness.js';
import { type ConformanceRule, rule } from '../rule.js';
import type { AddressSpec } from '../surface.js';
import { progressOf } from '../trade.js';

async function leftBehind(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const { name } = t.mailbox();
  const mailbox: AddressSpec = { kind: 'mailbox', name, capacity: 4 };
  await b.receiver(mailbox);
  await a.send(mailbox, 1);
  await a.send(mailbox, 2);
  const store = await t.isStore(a, mailbox);
  await t.within(a.close(), 'the sender to close');
  const report = await t.within(b.close(), 'the only receiver to close');
  assert.deepEqual(
    report.undelivered,
    store ? [] : [{ mailbox: name, count: 2 }],
    'what nobody can receive any more is reported',
  );
  const next = await c.receiver(store ? mailbox : { ...mailbox, capacity: 7 });
  const found = numbers([await next.tryReceive(), await next.tryReceive()]);
  assert.deepEqual(found, store ? [1, 2] : [null, null], 'a store keeps messages for the next receiver');
}

async function goneWhenEmpty(t: Harness): Promise<void> {
  const { name } = t.mailbox();
  for (const capacity of [3, 0, 'unbounded'] as const) {
    const [a, b] = await t.group(2);
    const mailbox: AddressSpec = { kind: 'mailbox', name, capacity };
    await b.receiver(mailbox);
    const taken = b.receive(mailbox);
    await t.within(a.send(mailbox, 1), 'a send');
    await t.within(taken, 'a receive');
    for (const party of [a, b]) {
      await t.within(party.close(), 'a runtime to close');
      await t.letGo(party);
    }
  }
}

async function handsOver(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 6 });
  await b.receiver(mailbox);
  const survivor = await c.receiver(mailbox);
  const sender = await a.sender(mailbox);
  for (let n = 0; n < 6; n++) await sender.send(n);
  const waiting = [sender.send(6), sender.send(7)];
  await t.exchange(a, b);
  const report = await t.within(b.close(), 'the host to close');
  assert.deepEqual(report, { undelivered: [], unsent: 0 });
  const got = [];
  while (got.length < 8) got.push((await t.within(survivor.receive(), 'a message of the former host')).body);
  await t.within(Promise.all(waiting), 'sends that waited at the former host');
  assert.deepEqual(got, [0, 1, 2, 3, 4, 5, 6, 7], 'all of them, in order');
  await t.within(sender.send(8), 'a send to the new host');
  assert.equal((await t.within(survivor.receive(), 'a message of the new host')).body, 8);
  if (!(await t.isStore(a, mailbox)))
    await c.event('mailbox:host', ({ mailbox: name }) => name === mailbox.name, mailbox.name);
}

/** More than goes on the wire at once: some of it has not left the sender when the host closes. */
async function largeSendsOutliveHost(t: Harness): Promise<void> {
  const [sender, host, heir] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 1 });
  await host.receiver(mailbox);
  const survivor = await heir.receiver(mailbox);
  const handle = await sender.sender(mailbox);
  const sizes = Array.from({ length: 12 }, (_, n) => 100_000 + n);
  const sends = sizes.map((size) => handle.send(bytesRecipe(size)));
  await t.stillPending(sends[11] as Promise<void>, 'a send to a full mailbox', sender, host);
  assert.deepEqual(await t.within(host.close(), 'the host to close'), { undelivered: [], unsent: 0 });
  const got = [];
  for (const _ of sizes)
    got.push((await t.within(survivor.receive({ digest: true }), 'the next message')).body);
  assert.deepEqual(
    got,
    sizes.map((size) => expectedDigest(size)),
    'all of them, in order',
  );
  await t.within(Promise.all(sends), 'all sends');
}

async function handsOverAgain(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 5 });
  let host = await t.party();
  let receiving = await host.consume({ from: mailbox, seed: 100 });
  const producing: RunningLoop<Produced>[] = [];
  for (const [at, party] of [a, b].entries())
    producing.push(await party.produce({ by: `p${at}`, to: mailbox, seed: at, window: 3, interrupted: 0.1 }));
  const consumed: Consumed[] = [];
  for (let round = 0; round < 4; round++) {
    const before = await progressOf(producing);
    await t.until(
      async () => (await progressOf(producing)) > before + 30,
      'senders to get on with this host',
    );
    const heir = await t.party();
    const inheriting = await heir.consume({ from: mailbox, seed: round });
    await t.until(async () => (await inheriting.progress()) > 0, 'the heir to receive something');
    consumed.push(await t.within(receiving.stop(), 'the host to stop receiving'));
    assert.deepEqual((await t.within(host.close(), 'a host to close')).undelivered, []);
    await t.letGo(host);
    [host, receiving] = [heir, inheriting];
  }
  const produced = await Promise.all(producing.map((loop) => t.within(loop.stop(), 'a sender to stop')));
  consumed.push(await stopWhenEmpty(t, receiving, produced, consumed));
  assertNoFailures([...produced, ...consumed]);
  assertBalanced(balance(produced, consumed));
}

/** Stops the last consumer once everything that was accepted has been received; if it never is, the account will say so. */
async function stopWhenEmpty(
  t: Harness,
  last: RunningLoop<Consumed>,
  produced: readonly Produced[],
  consumed: readonly Consumed[],
): Promise<Consumed> {
  const accepted = produced.reduce((sum, report) => sum + report.accepted.length, 0);
  const before = consumed.reduce((sum, { received }) => sum + received.length, 0);
  const all = async () => before + (await last.progress()) >= accepted;
  await t.until(all, 'what is left to be received', () => last.progress()).catch(() => undefined);
  return t.within(last.stop(), 'the last receiver to stop');
}

async function receiversComeAndGo(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 4 });
  await b.receiver(mailbox);
  const producing = await a.produce({ by: 'p', to: mailbox, count: 300, seed: 1, window: 2 });
  const consumed: Consumed[] = [];
  const some = async (party: typeof b, seed: number) => {
    for (let round = 0; round < 25; round++) {
      const verb = (['receive', 'receiveMany', 'iterate'] as const)[round % 3];
      const loop = await party.consume({
        from: mailbox,
        seed,
        count: 4,
        ...(verb === undefined ? {} : { verb }),
        interrupted: 0.3,
      });
      if (round % 2 === 0)
        await t.until(async () => (await loop.progress()) > 0, 'a receiver to get something');
      consumed.push(await t.within(loop.stop(), 'a receiver to stop'));
      if (consumed.reduce((sum, { received }) => sum + received.length, 0) >= 200) return;
    }
  };
  await Promise.all([some(b, 2), some(c, 3)]);
  const last = await c.consume({ from: mailbox, seed: 4 });
  const produced = await t.watchdog.finished(producing.report(), 'the sender to finish', () =>
    progressOf([producing, last]),
  );
  consumed.push(await stopWhenEmpty(t, last, [produced], consumed));
  assertNoFailures([produced, ...consumed]);
  assertBalanced(balance([produced], consumed), { order: false });
}

export const handover: readonly ConformanceRule[] = [
  rule('R24', 'closing reports what nobody can receive; a store keeps it for the next receiver', leftBehind),
  rule('R24', 'a mailbox that everybody left empty is gone', goneWhenEmpty),
  rule('R24', 'a host that closes hands what it holds to a surviving receiver', handsOver),
  rule('R24', 'large sends that wait outlive a host that closes', largeSendsOutliveHost),
  rule('R24', 'hosts that come and go lose, double and disorder nothing', handsOverAgain),
  rule('R24', 'receivers that open and close lose and double nothing', receiversComeAndGo),
];
