/** R21–R23: what a body may be. */
import assert from 'node:assert/strict';
import { assertSame, rejects } from '../expect.js';
import { bytesRecipe, expectedDigest, fixtureRecipe, unserializable } from '../fixtures.js';
import type { Harness } from '../harness.js';
import { type ConformanceRule, rule } from '../rule.js';
import type { AddressSpec } from '../surface.js';
import { values } from '../values.js';

const MiB = 2 ** 20;

async function arriveEqual(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 64 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  for (const [kind, bodies] of Object.entries(values)) {
    for (const body of bodies) await t.within(sender.send(body), `a send of ${kind}`);
    for (const [at, body] of bodies.entries())
      assertSame(
        (await t.within(receiver.receive(), `a receive of ${kind}`)).body,
        body,
        `${kind}, number ${at}`,
      );
  }
}

async function arriveEqualDirect(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const all = Object.values(values).flat();
  const receiver = await b.receiver({ kind: 'anyPeer' });
  const receiving = receiver.iterate(all.length);
  for (const body of all) await t.within(a.send({ kind: 'peer', name: b.name }, body), 'a direct send');
  const got = await t.within(receiving, 'all values, sent directly');
  for (const [at, body] of all.entries()) assertSame(got[at]?.body, body, `value ${at}, sent directly`);
}

async function arriveEqualSelf(t: Harness): Promise<void> {
  const a = await t.party();
  const mailbox = t.mailbox({ capacity: 'unbounded' });
  const receiver = await a.receiver(mailbox);
  const all = Object.values(values).flat();
  const sender = await a.sender(mailbox);
  await t.within(sender.sendMany(all), 'sendMany of all values');
  for (const [at, body] of all.entries())
    assertSame((await receiver.receive()).body, body, `value ${at}, within one runtime`);
}

async function sizesPass(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 2, codec: 'raw' });
  const receiver = await b.receiver(mailbox);
  const around = [4096, 8192, 16384, 65536, 212_960, MiB].flatMap((size) => [size - 1, size, size + 1]);
  for (const size of [0, 1, 2, 3, 7, 8, 63, 64, 65, ...around, 5 * MiB + 3, 16 * MiB - 1, 16 * MiB]) {
    const sent = a.send(mailbox, bytesRecipe(size));
    const message = await t.within(receiver.receive({ digest: true }), `a message of ${size} B`);
    assert.equal(message.body, expectedDigest(size), `${size} B`);
    await t.within(sent, `the send of ${size} B`);
  }
}

async function largeAtRendezvous(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 0, codec: 'raw' });
  const [host, other] = [await b.receiver(mailbox), await c.receiver(mailbox)];
  for (const receiver of [host, other]) {
    const received = receiver.receive({ digest: true });
    await t.within(a.send(mailbox, bytesRecipe(16 * MiB)), 'a send of 16 MiB at capacity 0');
    assert.equal((await t.within(received, 'a rendezvous of 16 MiB')).body, expectedDigest(16 * MiB));
  }
}

async function oneByteMore(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 4, codec: 'raw' });
  const inbox: AddressSpec = { kind: 'peer', name: b.name };
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  const tooLarge = bytesRecipe(16 * MiB + 1);
  await rejects(a.send(mailbox, tooLarge), 'ERR_TOO_LARGE', String(16 * MiB), 'maxMessageBytes');
  await rejects(sender.trySend(tooLarge), 'ERR_TOO_LARGE', String(16 * MiB));
  await rejects(a.send(inbox, { body: new Uint8Array(16 * MiB) }), 'ERR_TOO_LARGE');
  const error = await rejects(
    sender.sendMany([new Uint8Array(3), new Uint8Array(16 * MiB + 1)]),
    'ERR_TOO_LARGE',
  );
  assert.ok(error.accepted === 0 || error.accepted === 1, `accepted is ${error.accepted}`);
  await a.send(mailbox, new Uint8Array([1, 2]));
  if (error.accepted === 1)
    assertSame((await receiver.receive()).body, new Uint8Array(3), 'what sendMany says was accepted');
  assertSame(
    (await t.within(receiver.receive(), 'the next message')).body,
    new Uint8Array([1, 2]),
    'nothing of them was sent',
  );
  assert.equal(await receiver.tryReceive(), null);
  assert.equal(await b.tryReceive({ kind: 'anyPeer' }), null);
}

async function configuredLimit(t: Harness): Promise<void> {
  const a = await t.party({ maxMessageBytes: 1000 });
  const b = await t.party({ maxMessageBytes: 1000 });
  const mailbox = t.mailbox({ capacity: 4, codec: 'raw' });
  const receiver = await b.receiver(mailbox);
  await t.within(a.send(mailbox, bytesRecipe(1000)), 'a send of exactly the limit');
  await rejects(a.send(mailbox, bytesRecipe(1001)), 'ERR_TOO_LARGE', '1001', '1000', 'maxMessageBytes');
  assert.equal((await receiver.receive({ digest: true })).body, expectedDigest(1000));
  assert.equal(await receiver.tryReceive(), null);
  const { limits } = await a.explain(mailbox);
  assert.equal(limits.maxMessageBytes, 1000, 'explain() tells the limit');
}

async function unserializableBodies(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 8 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  for (const [name, { path }] of Object.entries(unserializable)) {
    await rejects(a.send(mailbox, fixtureRecipe(name)), 'ERR_UNSERIALIZABLE', path);
    await rejects(sender.trySend(fixtureRecipe(name)), 'ERR_UNSERIALIZABLE', path);
    await rejects(a.send({ kind: 'peer', name: b.name }, fixtureRecipe(name)), 'ERR_UNSERIALIZABLE', path);
  }
  await a.send(mailbox, 'fine');
  assert.equal((await t.within(receiver.receive(), 'the next message')).body, 'fine');
  assert.equal(await receiver.tryReceive(), null, 'nothing of them was sent');
}

async function schemas(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const { name } = t.mailbox();
  const as = (schema?: string): AddressSpec => ({
    kind: 'mailbox',
    name,
    capacity: 8,
    ...(schema === undefined ? {} : { schema }),
  });
  const receiver = await b.receiver(as());
  for (const schema of ['positive', 'positive, asynchronous']) {
    await rejects(a.send(as(schema), { total: -1 }), 'ERR_SCHEMA', 'total must be positive', 'total');
    await rejects(a.trySend(as(schema), { total: 0 }), 'ERR_SCHEMA');
    const sender = await a.sender(as(schema));
    await rejects(sender.send('no object at all'), 'ERR_SCHEMA');
    await sender.send({ total: 5 });
    assertSame((await t.within(receiver.receive(), 'a body that fits')).body, { total: 5 }, schema);
  }
  await a.send(as('doubles the total'), { total: 21 });
  assertSame(
    (await t.within(receiver.receive(), 'a body')).body,
    { total: 42 },
    'what the schema returns is what is sent',
  );
  const direct: AddressSpec = { kind: 'peer', name: b.name, schema: 'positive' };
  await rejects(a.send(direct, { total: -1 }), 'ERR_SCHEMA');
  await a.send(direct, { total: 1 });
  assertSame((await t.within(b.receive({ kind: 'anyPeer' }), 'a direct body')).body, { total: 1 }, 'direct');
  assert.equal(await receiver.tryReceive(), null, 'what a schema refused was not sent');
}

export const payload: readonly ConformanceRule[] = [
  rule('R21', 'every kind of value arrives equal', arriveEqual),
  rule('R21', 'every kind of value arrives equal when sent directly', arriveEqualDirect),
  rule('R21', 'every kind of value arrives equal within one runtime', arriveEqualSelf),
  rule('R22', '0 B to 16 MiB pass', sizesPass),
  rule('R22', '16 MiB pass at capacity 0, to the host and to another receiver', largeAtRendezvous),
  rule('R22', 'one byte more is ERR_TOO_LARGE before anything is sent', oneByteMore),
  rule('R22', 'maxMessageBytes sets the limit', configuredLimit),
  rule(
    'R23',
    'functions, symbols and cycles are ERR_UNSERIALIZABLE, naming the key path',
    unserializableBodies,
  ),
  rule('R23', 'a schema rejects with ERR_SCHEMA at the sender', schemas),
];
