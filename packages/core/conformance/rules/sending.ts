/** R5, R6, R8: what `send` and `trySend` promise. */
import assert from 'node:assert/strict';
import { fails, forLater, numbers, rejects } from '../expect.js';
import { bytesRecipe, expectedDigest } from '../fixtures.js';
import type { Harness } from '../harness.js';
import { type ConformanceRule, rule } from '../rule.js';
import { trade } from '../trade.js';
import { isSettled } from '../watchdog.js';

async function acceptedIsThere(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 4 });
  const receiver = await b.receiver(mailbox);
  for (let n = 0; n < 20; n++) {
    await t.within(a.send(mailbox, n), 'a send to an empty mailbox');
    assert.equal((await receiver.tryReceive())?.body, n, 'what was accepted is there at once');
  }
}

async function notBeforeAPlace(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 2 });
  const receiver = await b.receiver(mailbox);
  await a.send(mailbox, 0);
  await a.send(mailbox, 1);
  const third = a.send(mailbox, 2);
  await t.stillPending(third, 'a send to a full mailbox', a, b);
  assert.equal((await receiver.receive()).body, 0);
  await t.within(third, 'the send, once a place was free');
  assert.deepEqual(numbers([await receiver.receive(), await receiver.receive()]), [1, 2]);
}

async function notBeforeAReceiver(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 0 });
  const receiver = await b.receiver(mailbox);
  const sent = a.send(mailbox, 'hand to hand');
  await t.stillPending(sent, 'a send at capacity 0 while nobody receives', a, b);
  assert.equal((await t.within(receiver.receive(), 'the rendezvous')).body, 'hand to hand');
  await t.within(sent, 'the send, once received');
}

async function notBeforeAHost(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 3 });
  const sender = await t.within(a.sender(mailbox), 'sender() without a host');
  const first = sender.send(1);
  const second = a.send(mailbox, 2);
  if (await t.isStore(a, mailbox))
    await t.within(Promise.all([first, second]), 'sends to a store that nobody receives from');
  else {
    await t.stillPending(first, 'a send that nobody hosts', a, b);
    assert.equal(await isSettled(second), false);
  }
  const receiver = await b.receiver(mailbox);
  await t.within(Promise.all([first, second]), 'the sends, once there is a host');
  assert.deepEqual(numbers([await receiver.receive(), await receiver.receive()]).sort(), [1, 2]);
}

async function outlivesItsSender(t: Harness): Promise<void> {
  const host = await t.party();
  const mailbox = t.mailbox({ capacity: 4 });
  const receiver = await host.receiver(mailbox);
  for (const size of [10, 300_000]) {
    const sender = await t.party();
    await t.within(sender.send(mailbox, bytesRecipe(size)), 'a send');
    await t.kill(sender);
    const message = await t.within(receiver.receive({ digest: true }), 'what a dead process had sent');
    assert.deepEqual([message.body, message.from], [expectedDigest(size), sender.name]);
  }
}

async function sendManyAllAccepted(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 3 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  await t.within(sender.sendMany([]), 'a sendMany of nothing');
  const sent = sender.sendMany([0, 1, 2, 3, 4]);
  await t.stillPending(sent, 'sendMany of 5 at capacity 3', a, b);
  assert.deepEqual(numbers(await receiver.receiveMany(2)), [0, 1]);
  await t.within(sent, 'sendMany, once the last was accepted');
  const error = await rejects(sender.sendMany([5, 6, 7, 8], { timeout: 0 }), 'ERR_TIMEOUT');
  assert.equal(error.accepted, 0, 'the mailbox was full');
  assert.deepEqual(numbers(await receiver.receiveMany(10)), [2, 3, 4]);
  const { accepted } = await rejects(sender.sendMany([5, 6, 7, 8], { timeout: 200 }), 'ERR_TIMEOUT');
  assert.ok(accepted !== undefined && accepted <= 3, `at most 3 of 4 fit, not ${accepted}`);
  const there = [];
  for (let next = await receiver.tryReceive(); next !== null; next = await receiver.tryReceive())
    there.push(next.body);
  assert.deepEqual(
    there,
    [5, 6, 7].slice(0, accepted),
    'exactly those that the error says were accepted are there',
  );
}

async function blockingForms(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 2 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  const { sync } = (await a.explain(mailbox)).capabilities;
  if (!sync) {
    await fails(() => sender.sendSync(1), 'ERR_UNSUPPORTED', 'sendSync');
    await fails(() => sender.trySendSync(1), 'ERR_UNSUPPORTED', 'trySendSync');
    assert.equal(await receiver.tryReceive(), null, 'a refused sendSync sent nothing');
    return;
  }
  await sender.sendSync({ n: 1 });
  assert.equal(await sender.trySendSync({ n: 2 }), true);
  assert.equal(await sender.trySendSync({ n: 3 }), false);
  await fails(() => sender.sendSync({ n: 4 }, { timeout: 5 }), 'ERR_TIMEOUT');
  assert.deepEqual(numbers(await receiver.receiveMany(5)), [{ n: 1 }, { n: 2 }]);
  assert.equal(await receiver.tryReceive(), null);
}

async function waitsInOrder(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 1 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  const done: number[] = [];
  const sends = Array.from({ length: 20 }, (_, n) => forLater(sender.send(n).then(() => void done.push(n))));
  const got = [];
  for (let n = 0; n < 20; n++) got.push((await t.within(receiver.receive(), `message ${n}`)).body);
  await t.within(Promise.all(sends), 'all sends');
  assert.deepEqual(got, done, 'received in the order in which they were accepted');
  assert.deepEqual(
    got,
    [...done].sort((x, y) => x - y),
    'sends that wait on one handle are served in order',
  );
}

async function nobodyStarves(t: Harness): Promise<void> {
  const [greedy, polite, host] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 1 });
  const consuming = await host.consume({ from: mailbox, seed: 1 });
  const flood = await greedy.produce({ by: 'greedy', to: mailbox, window: 50, seed: 2 });
  await t.until(async () => (await flood.progress()) > 100, 'the greedy sender to be under way');
  const modest = await polite.produce({ by: 'polite', to: mailbox, count: 20, seed: 3 });
  const { accepted } = await t.within(
    modest.report(),
    'the 20 sends of a sender that competes with 50 others at once',
  );
  await t.within(flood.stop(), 'the greedy sender to stop');
  await t.within(consuming.stop(), 'the receiver to stop');
  assert.equal(accepted.length, 20);
}

async function everyoneGetsThrough(t: Harness): Promise<void> {
  const parties = await t.group(4);
  const result = await trade(t, {
    mailbox: t.mailbox({ capacity: 1 }),
    producers: [...parties],
    consumers: [parties[0]],
    count: 60,
  });
  assert.equal(result.accepted, 240);
}

async function tryNeverWaits(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const nowhere = t.mailbox({ capacity: 5 });
  const sender = await a.sender(nowhere);
  const store = await t.isStore(a, nowhere);
  assert.equal(
    await t.within(sender.trySend(1), 'trySend without a host'),
    store,
    'only a store is there without a host',
  );
  assert.equal(await t.within(a.trySend(nowhere, 2), 'trySend without a host'), store);
  const mailbox = t.mailbox({ capacity: 2 });
  const receiver = await b.receiver(mailbox);
  await t.until(() => a.trySend(mailbox, 0), 'the host to be known');
  assert.equal(await a.trySend(mailbox, 1), true);
  assert.equal(await t.within(a.trySend(mailbox, 2), 'trySend when full'), false);
  assert.deepEqual(numbers(await receiver.receiveMany(5)), [0, 1], 'true is accepted, false is not');
  const late = await b.receiver(nowhere);
  const there = numbers([await late.tryReceive(), await late.tryReceive(), await late.tryReceive()]);
  assert.deepEqual(
    there,
    store ? [1, 2, null] : [null, null, null],
    'what was refused is not there when a host comes',
  );
}

async function tryAtRendezvous(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 0 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  for (let round = 0; round < 5; round++) {
    assert.equal(await sender.trySend('nobody receives'), false);
    const taken = receiver.receive();
    await t.until(() => sender.trySend(round), 'trySend to meet a waiting receive');
    assert.equal((await t.within(taken, 'the receive')).body, round);
    assert.equal(await sender.trySend('nobody receives any more'), false);
  }
}

export const sending: readonly ConformanceRule[] = [
  rule('R5', 'when send resolves the message is there', acceptedIsThere),
  rule('R5', 'send does not resolve before there is a place', notBeforeAPlace),
  rule('R5', 'at capacity 0 send does not resolve before a receiver has the message', notBeforeAReceiver),
  rule(
    'R5',
    'send resolves once the mailbox is there: on a store at once, else when it has a host',
    notBeforeAHost,
  ),
  rule('R5', 'what was accepted outlives the process that sent it', outlivesItsSender, [
    'threads',
    'processes',
  ]),
  rule('R5', 'sendMany resolves when all are accepted and says how many were', sendManyAllAccepted),
  rule('R5', 'sendSync and trySendSync keep the same promise, or are ERR_UNSUPPORTED', blockingForms),
  rule('R6', 'sends that wait for a place get one in their order', waitsInOrder),
  rule('R6', 'a sender is not starved by one that sends without pause', nobodyStarves),
  rule('R6', 'every one of several waiting senders gets through', everyoneGetsThrough),
  rule('R8', 'trySend is false at once when the mailbox is full or nobody hosts it', tryNeverWaits),
  rule('R8', 'at capacity 0 trySend is true exactly when a receive is waiting', tryAtRendezvous),
];
