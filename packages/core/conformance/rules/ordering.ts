/** R9, R12: the order of what one sender sent, and one receiver for each message. */
import assert from 'node:assert/strict';
import { forLater, numbers } from '../expect.js';
import { bytesRecipe, expectedDigest } from '../fixtures.js';
import type { Harness } from '../harness.js';
import { type ConformanceRule, rule } from '../rule.js';
import { trade } from '../trade.js';

async function acceptedOrder(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 8 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  const resolved: string[] = [];
  const sizes = Array.from({ length: 120 }, (_, n) => (n % 7 === 0 ? 200_000 + n : n));
  const sends = sizes.map((size) =>
    forLater(sender.send(bytesRecipe(size)).then(() => void resolved.push(expectedDigest(size)))),
  );
  const got = [];
  for (const _ of sizes)
    got.push((await t.within(receiver.receive({ digest: true }), 'the next message')).body);
  await t.within(Promise.all(sends), 'all sends');
  assert.deepEqual(
    got,
    sizes.map((size) => expectedDigest(size)),
    'large and small, in the order in which they were sent',
  );
  assert.deepEqual(resolved, got, 'and the sends resolved in that order');
}

async function orderOverVerbs(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 64 });
  const receivers = [await b.receiver(mailbox), await c.receiver(mailbox)];
  const sender = await a.sender(mailbox);
  for (const receiver of receivers) {
    const sent: number[] = [];
    for (let n = 0; n < 60; n += 5) {
      const byHandle = [sender.send(n), sender.sendMany([n + 1, n + 2]), sender.trySend(n + 3)];
      await t.within(Promise.all(byHandle), 'sends by handle');
      await t.within(a.send(mailbox, n + 4), 'a send by the runtime');
      sent.push(n, n + 1, n + 2, n + 3, n + 4);
    }
    const several = await receiver.receiveMany(3);
    assert.ok(several.length >= 1 && several.length <= 3, `receiveMany(3) gave ${several.length}`);
    const got = [...several, ...(await receiver.iterate(10)), await receiver.receive()];
    while (got.length < sent.length) got.push(...(await receiver.receiveMany(7)));
    assert.deepEqual(numbers(got), sent, 'whatever verbs sent and received');
  }
}

async function orderOfInbox(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  await trade(t, {
    mailbox: { kind: 'anyPeer' },
    producers: [a, c],
    consumers: [b],
    count: 150,
    produce: { to: { kind: 'peer', name: b.name }, window: 4, interrupted: 0.2 },
    consume: { interrupted: 0.3 },
  });
}

async function eachVerb(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  for (const verb of ['send', 'trySend', 'sendMany'] as const)
    for (const take of ['receive', 'receiveMany', 'iterate', 'tryReceive', 'select'] as const) {
      const mailbox = t.mailbox({ capacity: 7 });
      await trade(t, {
        mailbox,
        producers: [a],
        consumers: [b, c],
        count: 60,
        produce: { verb },
        consume: { verb: take },
      });
    }
}

async function competing(t: Harness): Promise<void> {
  const [a, b, c, d] = await t.group(4);
  const result = await trade(t, {
    mailbox: t.mailbox({ capacity: 5 }),
    producers: [a, b],
    consumers: [c, d, a],
    count: 300,
    produce: { window: 4, size: [0, 3000] },
    consume: { window: 3 },
    order: false,
  });
  assert.equal(result.received, 600);
}

async function competingInOrder(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  for (const capacity of t.capacities(0, 1, 'unbounded'))
    await trade(t, { mailbox: t.mailbox({ capacity }), producers: [a, b], consumers: [b, c], count: 150 });
}

export const ordering: readonly ConformanceRule[] = [
  rule('R9', 'concurrent sends arrive in the order in which they were accepted', acceptedOrder),
  rule('R9', 'the order holds over all verbs', orderOverVerbs),
  rule('R9', 'direct messages of each sender arrive in order', orderOfInbox),
  rule('R9', 'each of several receivers gets a sender’s messages in order', competingInOrder),
  rule('R12', 'competing receivers get each message exactly once', competing),
  rule('R12', 'whatever the verbs of sender and receivers', eachVerb),
];
