/** R17, R18: how many messages a mailbox takes. */
import assert from 'node:assert/strict';
import { burst, known } from '../burst.js';
import { numbers, rejects } from '../expect.js';
import { bytesRecipe } from '../fixtures.js';
import type { Harness } from '../harness.js';
import { type ConformanceRule, rule } from '../rule.js';
import type { AddressSpec } from '../surface.js';
import { isSettled } from '../watchdog.js';

async function exactOverAll(t: Harness): Promise<void> {
  const [a, b, c, host] = await t.group(4);
  for (const capacity of [1, 3, 64]) {
    const mailbox = t.mailbox({ capacity });
    const receiver = await host.receiver(mailbox);
    for (const sender of [a, b, c]) await known(t, sender, host, mailbox);
    assert.equal(
      await burst([a, b, c, host], mailbox, capacity),
      capacity,
      `exactly ${capacity} of a burst fit`,
    );
    for (const sender of [a, b, c, host])
      assert.equal(await sender.trySend(mailbox, 'one more'), false, 'it is full');
    for (let round = 0; round < 3; round++) {
      assert.notEqual(await receiver.tryReceive(), null);
      assert.equal(await burst([a, b, c], mailbox, 2), 1, 'after one receive exactly one more fits');
    }
    let left = 0;
    while ((await receiver.tryReceive()) !== null) left++;
    assert.equal(left, capacity, 'what was accepted is there');
  }
}

async function oneSender(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  for (const capacity of [1, 2, 5]) {
    const mailbox = t.mailbox({ capacity });
    const receiver = await b.receiver(mailbox);
    await known(t, a, b, mailbox);
    for (let n = 0; n < capacity; n++)
      assert.equal(await a.trySend(mailbox, n), true, `trySend ${n + 1} of ${capacity}`);
    assert.equal(await a.trySend(mailbox, capacity), false, `trySend ${capacity + 1} of ${capacity}`);
    assert.deepEqual(
      numbers(await receiver.receiveMany(9)),
      Array.from({ length: capacity }, (_, n) => n),
    );
  }
}

async function exactWhileReceiving(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 4 });
  const [host, other] = [await b.receiver(mailbox), await c.receiver(mailbox)];
  const waiting = [host.receive(), other.receive()];
  await t.exchange(b, c);
  await t.until(() => a.trySend(mailbox, 0), 'the host to be known');
  assert.equal(await a.trySend(mailbox, 1), true);
  await t.within(Promise.all(waiting), 'two waiting receives');
  await t.exchange(c, b);
  assert.equal(await burst([a, b], mailbox, 6), 4, 'messages that receivers have taken use no place');
}

async function rendezvousHoldsNothing(t: Harness): Promise<void> {
  const [a, b, host] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 0 });
  const receiver = await host.receiver(mailbox);
  const sends = [a.send(mailbox, 'a'), b.send(mailbox, 'b')];
  await t.stillPending(Promise.race(sends), 'a send that nobody receives', a, host);
  await t.exchange(b, host);
  assert.equal(await burst([a, b, host], mailbox, 2), 0, 'nobody receives, so nothing is accepted');
  const first = await t.within(receiver.receive(), 'the first rendezvous');
  const met = first.body === 'a' ? 0 : 1;
  await t.within(sends[met] as Promise<void>, 'the send that was met');
  assert.equal(await isSettled(sends[1 - met] as Promise<void>), false, 'the other still waits');
  assert.equal((await t.within(receiver.receive(), 'the second rendezvous')).body, met === 0 ? 'b' : 'a');
  await t.within(Promise.all(sends), 'both sends');
}

async function oneReceiveOneMeeting(t: Harness): Promise<void> {
  const [a, b, host] = await t.group(3);
  const [x, y] = [t.mailbox({ capacity: 0 }), t.mailbox({ capacity: 0 })];
  const receiver = await host.receiver(x);
  await host.receiver(y);
  for (let round = 0; round < 5; round++) {
    const taken = receiver.receive();
    const met = await firstBurst(t, () => burst([a, b], x, 3));
    assert.equal(met, 1, 'one receive meets one of several senders');
    await t.within(taken, 'the receive');
    const selecting = host.select([x, y]);
    const either = await firstBurst(t, async () => (await burst([a], x, 2)) + (await burst([b], y, 2)));
    assert.equal(either, 1, 'a select on two mailboxes meets one sender');
    await t.within(selecting, 'the select');
  }
}

/** What the first burst that met anybody met: the receive may not have reached the mailbox yet. */
function firstBurst(t: Harness, tries: () => Promise<number>): Promise<number> {
  return t.until(tries, 'a trySend to meet a receive');
}

async function neverWaits(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 'unbounded' });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  const count = 5000;
  for (let n = 0; n < count; n += 500) {
    const batch = Array.from({ length: 500 }, (_, k) => sender.send(n + k));
    await t.within(Promise.all(batch), 'sends that no receive waits for');
  }
  assert.equal(await sender.trySend(count), true);
  const got = [];
  while (got.length <= count) got.push(...(await t.within(receiver.receiveMany(1000), 'what was accepted')));
  assert.deepEqual(
    numbers(got),
    Array.from({ length: count + 1 }, (_, n) => n),
  );
}

async function byteLimit(t: Harness): Promise<void> {
  const name = t.unique('limited');
  const mailboxes = { [name]: { maxBytes: 100_000 } };
  const mailbox: AddressSpec = { kind: 'mailbox', name, capacity: 'unbounded', codec: 'raw' };
  const a = await t.party({ mailboxes });
  const b = await t.party({ mailboxes });
  const receiver = await b.receiver(mailbox);
  let accepted = 0;
  const fill = async () => {
    for (;;) {
      await t.within(a.send(mailbox, bytesRecipe(1000, accepted)), 'a send');
      accepted++;
      assert.ok(accepted <= 100, 'the limit of 100,000 bytes was passed');
    }
  };
  const error = await rejects(fill(), 'ERR_NO_SPACE', name, '100000');
  assert.ok(error.address?.includes(name), `address is ${error.address}`);
  assert.ok(accepted >= 50, `only ${accepted} messages of 1000 B fitted into 100,000 B`);
  await rejects(a.send(mailbox, bytesRecipe(1000)), 'ERR_NO_SPACE');
  assert.ok((await receiver.receive()).body instanceof Uint8Array);
  await t.within(a.send(mailbox, bytesRecipe(10, 7)), 'a send, once there is space again');
  let left = 0;
  while ((await receiver.tryReceive()) !== null) left++;
  assert.equal(left, accepted, 'nothing accepted is lost');
  const { limits } = await a.explain(mailbox);
  assert.ok(
    JSON.stringify(limits).includes('100000'),
    `explain() tells the limit: ${JSON.stringify(limits)}`,
  );
}

export const buffering: readonly ConformanceRule[] = [
  rule('R17', 'the n-th trySend is true and the next false', oneSender),
  rule('R17', 'capacity n is exact over all senders together', exactOverAll),
  rule('R17', 'what receivers took uses no place', exactWhileReceiving),
  rule('R17', 'at capacity 0 nothing is accepted that is not received', rendezvousHoldsNothing),
  rule('R17', 'at capacity 0 one receive or select meets one sender', oneReceiveOneMeeting),
  rule('R18', 'send to an unbounded mailbox waits for no receiver', neverWaits),
  rule('R18', 'at the byte limit send is ERR_NO_SPACE and nothing accepted is lost', byteLimit),
];
