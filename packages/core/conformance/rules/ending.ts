/** R24: closing handles and runtimes, and what is left afterwards. */
import assert from 'node:assert/strict';
import { fails, forLater, numbers, rejects } from '../expect.js';
import type { Harness } from '../harness.js';
import { type ConformanceRule, rule } from '../rule.js';

const closed = (call: Promise<unknown>) => forLater(rejects(call, 'ERR_CLOSED'));

async function closingReceiver(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 8 });
  const [host, other] = [await b.receiver(mailbox), await c.receiver(mailbox)];
  const keep = await b.receiver(mailbox);
  for (const receiver of [host, other]) {
    const pending = [receiver.receive(), receiver.receive({ type: 3 }), receiver.receiveMany(4)].map(closed);
    const iteration = receiver.iterate(5);
    await t.exchange(b, c);
    await t.within(receiver.close({ twice: true }), 'close of a receiver');
    await t.within(Promise.all(pending), 'pending receives to be settled');
    assert.deepEqual(await t.within(iteration, 'an iteration to end'), [], 'an iteration ends at close');
    await closed(receiver.receive());
    await closed(receiver.tryReceive());
    await closed(receiver.receiveMany(3));
    await receiver.close();
  }
  for (let n = 0; n < 4; n++) await t.within(a.send(mailbox, n), 'a send after receivers have closed');
  assert.deepEqual(numbers(await keep.receiveMany(9)), [0, 1, 2, 3], 'closed receivers took nothing');
}

async function closingSender(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  for (const capacity of t.capacities(0, 1)) {
    const mailbox = t.mailbox({ capacity });
    const receiver = await b.receiver(mailbox);
    const [leaving, staying] = [await a.sender(mailbox), await a.sender(mailbox)];
    if (capacity === 1) await staying.send('first');
    const pending = [leaving.send('x'), leaving.send('y'), leaving.sendMany(['z'])].map(closed);
    const other = staying.send('second');
    await t.stillPending(other, 'a send of another handle', a, b);
    await t.within(leaving.close({ twice: true }), 'close of a sender');
    await t.within(Promise.all(pending), 'pending sends to be settled');
    await closed(leaving.send(1));
    await closed(leaving.trySend(1));
    await closed(leaving.sendMany([1]));
    await leaving.close();
    await staying.close();
    await rejects(other, 'ERR_CLOSED');
    const got = [];
    for (let next = await receiver.tryReceive(); next !== null; next = await receiver.tryReceive())
      got.push(next.body);
    assert.deepEqual(
      got,
      capacity === 1 ? ['first'] : [],
      'what close settled with ERR_CLOSED was not accepted',
    );
  }
}

async function disposing(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 2 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  await sender.send('stays');
  await sender.close({ dispose: true });
  await fails(() => sender.send(1), 'ERR_CLOSED');
  assert.equal((await receiver.receive()).body, 'stays', 'closing its sender does not take a message back');
  await receiver.close({ dispose: true });
  await fails(() => receiver.receive(), 'ERR_CLOSED');
}

async function closingRuntime(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const [full, empty, nowhere] = [
    t.mailbox({ capacity: 1 }),
    t.mailbox({ capacity: 1 }),
    t.mailbox({ capacity: 0 }),
  ];
  await b.receiver(full);
  await a.send(full, 'fills it');
  const handle = await a.receiver(empty);
  const sends = [a.send(full, 1), a.send(nowhere, 2), a.send({ kind: 'peer', name: 'nobody' }, 3)].map(
    closed,
  );
  const receives = [
    a.receive(empty),
    handle.receive(),
    a.receive({ kind: 'anyPeer' }),
    a.select([empty, { kind: 'anyPeer' }]),
  ].map(closed);
  await t.exchange(a, b);
  const report = await t.within(a.close(), 'a runtime to close');
  await t.within(Promise.all([...sends, ...receives]), 'all that was pending');
  assert.deepEqual(report, { undelivered: [], unsent: 3 }, 'it says how many sends were not accepted');
  assert.deepEqual(await a.close(), report, 'closing again gives the same report');
  for (const late of [
    a.send(full, 1),
    a.trySend(full, 1),
    a.receive(empty),
    a.tryReceive(empty),
    a.select([empty]),
  ])
    await closed(late);
  await fails(() => a.sender(full), 'ERR_CLOSED');
  await fails(() => a.receiver(full), 'ERR_CLOSED');
  assert.equal((await b.tryReceive(full))?.body, 'fills it', 'what it had sent before is still there');
  assert.equal(await b.tryReceive(full), null);
}

async function exitsByItself(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const [full, empty] = [t.mailbox({ capacity: 1 }), t.mailbox({ capacity: 1 })];
  await b.receiver(full);
  await a.receiver(empty);
  await a.sender(empty);
  await a.send(full, 1);
  const pending = [a.send(full, 2), a.receive(empty), a.receive({ kind: 'anyPeer' }, { timeout: 3_600_000 })];
  for (const call of pending) call.catch(() => undefined);
  await t.exchange(a, b);
  await t.within(a.close(), 'a runtime to close');
  assert.deepEqual(await a.leave(), { code: 0, signal: null }, 'nothing keeps the process alive');
  await t.within(b.close(), 'the other runtime to close');
  assert.deepEqual(await b.leave(), { code: 0, signal: null });
  assert.deepEqual(t.filesLeft(), [], 'nothing is left in the runtime directory');
}

async function clearsUpAfterTheDead(t: Harness): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const [witness, dying] = await t.group(2);
    await dying.receiver(t.mailbox());
    await t.exchange(witness, dying);
    // A mailbox in shared memory works before its processes have met.
    await witness.event('peer:up', ({ name }) => name === dying.name, dying.name);
    await t.kill(dying);
    await witness.event('peer:down', ({ name }) => name === dying.name, dying.name);
    await t.within(witness.close(), 'the survivor to close');
    assert.deepEqual(t.filesLeft(), [], 'what the dead left belongs to nobody, and goes with the last one');
  }
}

async function leavesNothingOpen(t: Harness): Promise<void> {
  const keeper = await t.party();
  await t.exchange(keeper, keeper);
  const before = (await keeper.usage()).descriptors;
  for (let round = 0; round < 5; round++) {
    const visitor = await t.party();
    await t.exchange(keeper, visitor);
    await visitor.close();
    await t.letGo(visitor);
  }
  await t.until(
    async () => (await keeper.usage()).descriptors <= before,
    `descriptors to be ${before} again`,
  );
}

export const ending: readonly ConformanceRule[] = [
  rule('R24', 'closing a receiver settles its pending calls and takes nothing', closingReceiver),
  rule('R24', 'closing a sender settles its pending calls, which were not accepted', closingSender),
  rule('R24', 'a handle is disposed of by await using', disposing),
  rule('R24', 'closing the runtime settles every pending call and reports what was not sent', closingRuntime),
  rule('R24', 'after close the process exits by itself and leaves nothing in the directory', exitsByItself, [
    'threads',
    'processes',
  ]),
  rule('R24', 'who saw a process die leaves nothing of it behind', clearsUpAfterTheDead, [
    'threads',
    'processes',
  ]),
  rule('R24', 'processes that come and go leave no descriptors open in the others', leavesNothingOpen, [
    'processes',
  ]),
];
