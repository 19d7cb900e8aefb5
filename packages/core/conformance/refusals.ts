/**
 * What runs in place of the tests that need an ability that the transport says it lacks: asking for it is the documented error, does
 * nothing else, and leaves the mailbox as it was.
 */
import assert from 'node:assert/strict';
import type { Ability } from '../src/transport.js';
import { burst } from './burst.js';
import { fails, rejects } from './expect.js';
import { bytesRecipe } from './fixtures.js';
import type { Harness } from './harness.js';
import type { ConformanceRule } from './rule.js';
import type { AddressSpec } from './surface.js';

interface Refusal {
  readonly title: string;
  run(t: Harness): Promise<void>;
}

const UNSUPPORTED = 'ERR_UNSUPPORTED';

/** Of a mailbox that cannot be made so. */
async function refusesMailbox(
  t: Harness,
  ability: Ability,
  options: Partial<AddressSpec & { kind: 'mailbox' }>,
): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox(options);
  assert.ok((await a.explain(mailbox)).capabilities.lacks?.includes(ability), 'explain() says so');
  for (const start of [
    () => a.sender(mailbox),
    () => b.receiver(mailbox),
    () => a.send(mailbox, 1),
    () => a.trySend(mailbox, 1),
    () => b.receive(mailbox),
    () => b.tryReceive(mailbox),
    () => b.select([mailbox]),
  ])
    await t.within(fails(start, UNSUPPORTED, mailbox.name, ability), 'the refusal');
  const usual: AddressSpec = { kind: 'mailbox', name: mailbox.name, capacity: 2 };
  const receiver = await b.receiver(usual);
  await a.send(usual, 'as usual');
  assert.equal((await t.within(receiver.receive(), 'a message')).body, 'as usual', 'the name is free');
}

async function refusesSelection(t: Harness, ability: Ability, ...options: object[]): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 2 });
  const receiver = await b.receiver(mailbox);
  await a.send(mailbox, 'stays', { type: 1 });
  for (const each of options) {
    await t.within(rejects(receiver.receive(each), UNSUPPORTED, mailbox.name), 'a receive');
    await t.within(rejects(receiver.tryReceive(each), UNSUPPORTED, mailbox.name), 'a tryReceive');
    await t.within(rejects(receiver.receiveMany(2, each), UNSUPPORTED, mailbox.name), 'a receiveMany');
  }
  assert.equal(await receiver.tryReceive({ type: [] }), null, 'no type matches none');
  const message = await t.within(receiver.receive(), 'the message');
  assert.deepEqual([message.body, message.type], ['stays', 1], 'what was refused took nothing');
  assert.ok((await b.explain(mailbox)).capabilities.lacks?.includes(ability), 'explain() says so');
}

async function limitsPlaces(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox();
  const receiver = await b.receiver(mailbox);
  const { capacity } = await b.explain(mailbox);
  assert.ok(Number.isInteger(capacity) && Number(capacity) > 0, `the default capacity is ${capacity}`);
  const places = Number(capacity);
  assert.equal(await burst([a, b], mailbox, places), places, 'the default capacity is exact');
  for (let n = 0; n < places; n++) assert.notEqual(await receiver.tryReceive(), null);
  assert.equal(await receiver.tryReceive(), null);
  // So many that only memory is in the way where no limit is.
  const vast = t.mailbox({ capacity: 2 ** 30 });
  await rejects(a.sender(vast), 'ERR_OS_LIMIT', String(2 ** 30), /sysctl|RLIMIT/);
}

async function limitsBodies(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 2, codec: 'raw' });
  const receiver = await b.receiver(mailbox);
  const large = bytesRecipe(16 * 2 ** 20);
  await rejects(a.send(mailbox, large), 'ERR_OS_LIMIT', mailbox.name, 'sysctl', String(16 * 2 ** 20));
  await rejects(a.trySend(mailbox, large), 'ERR_OS_LIMIT', mailbox.name);
  await rejects(a.send(mailbox, bytesRecipe(16 * 2 ** 20 + 1)), 'ERR_TOO_LARGE', 'maxMessageBytes');
  await a.send(mailbox, bytesRecipe(1000));
  assert.equal(((await receiver.receive()).body as Uint8Array).length, 1000, 'nothing of them was sent');
  assert.equal(await receiver.tryReceive(), null);
}

async function refusesDirect(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const inbox: AddressSpec = { kind: 'peer', name: b.name };
  const anyPeer: AddressSpec = { kind: 'anyPeer' };
  for (const start of [
    () => a.send(inbox, 1),
    () => a.trySend(inbox, 1),
    () => a.sender(inbox),
    () => b.receive(anyPeer),
    () => b.tryReceive(anyPeer),
    () => b.receive({ kind: 'peer', name: a.name }),
    () => b.receiver(anyPeer),
    () => b.select([anyPeer]),
  ])
    await t.within(fails(start, UNSUPPORTED, 'direct'), 'the refusal');
  assert.ok((await a.explain(inbox)).capabilities.lacks?.includes('direct'), 'explain() says so');
}

export const refusals: Readonly<Record<Ability, Refusal>> = {
  rendezvous: {
    title: 'capacity 0 is ERR_UNSUPPORTED',
    run: (t) => refusesMailbox(t, 'rendezvous', { capacity: 0 }),
  },
  unbounded: {
    title: 'an unbounded mailbox is ERR_UNSUPPORTED',
    run: (t) => refusesMailbox(t, 'unbounded', { capacity: 'unbounded' }),
  },
  priority: {
    title: "ordering 'priority' is ERR_UNSUPPORTED",
    run: (t) => refusesMailbox(t, 'priority', { capacity: 2, ordering: 'priority' }),
  },
  type: {
    title: 'to receive by type is ERR_UNSUPPORTED',
    run: (t) => refusesSelection(t, 'type', { type: 1 }, { type: [1, 2] }),
  },
  selection: {
    title: 'to receive by sender, or by several types, is ERR_UNSUPPORTED',
    run: (t) => refusesSelection(t, 'selection', { from: 'p1' }, { type: [1, 2] }, { from: 'p1', type: 1 }),
  },
  'many places': {
    title: 'a capacity beyond the kernel’s limit is ERR_OS_LIMIT; the default is what the kernel gives',
    run: limitsPlaces,
  },
  'large bodies': { title: 'a body beyond the kernel’s limit is ERR_OS_LIMIT', run: limitsBodies },
  direct: { title: 'messages to a process are ERR_UNSUPPORTED', run: refusesDirect },
};

/** The tests that run where `lacks` is lacking: of those that need it, once for each rule, place and ability, the refusal. */
export function withoutAbilities(
  tests: readonly ConformanceRule[],
  lacks: readonly Ability[],
  needsOf: (test: ConformanceRule) => readonly Ability[],
): ConformanceRule[] {
  const replaced = new Map<string, ConformanceRule>();
  return tests.flatMap((test) => {
    const ability = needsOf(test).find((each) => lacks.includes(each));
    if (ability === undefined) return [test];
    const title = `without '${ability}': ${refusals[ability].title}`;
    const key = `${test.rule} ${title}`;
    const before = replaced.get(key);
    const where = [...new Set([...(before?.where ?? []), ...test.where])];
    const refusal = { ...test, title, where, run: refusals[ability].run };
    if (before === undefined) {
      replaced.set(key, refusal);
      return [refusal];
    }
    Object.assign(before, { where });
    return [];
  });
}
