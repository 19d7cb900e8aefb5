/** R13: a receive that timed out or was aborted took nothing, however close it was. */
import assert from 'node:assert/strict';
import { numbers, rejects } from '../expect.js';
import type { Harness } from '../harness.js';
import { type ConformanceRule, rule } from '../rule.js';
import type { AddressSpec } from '../surface.js';
import { trade } from '../trade.js';

/** Iterations of a race: cheap in one process, dear between processes. */
function rounds(t: Harness): number {
  return t.place === 'process' ? 600 : 300;
}

async function timedOutReceive(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 4 });
  const direct: AddressSpec = { kind: 'anyPeer' };
  const host = await b.receiver(mailbox);
  const other = await c.receiver(mailbox);
  for (const receiver of [host, other]) {
    await rejects(receiver.receive({ timeout: 20 }), 'ERR_TIMEOUT', '20', mailbox.name);
    await rejects(receiver.receive({ timeout: 0 }), 'ERR_TIMEOUT');
    await rejects(receiver.receiveMany(3, { timeout: 5 }), 'ERR_TIMEOUT');
    const controller = new AbortController();
    const waiting = receiver.receive({ signal: controller.signal });
    await t.stillPending(waiting, 'a receive from an empty mailbox', a, b);
    controller.abort(new Error('enough'));
    await assert.rejects(
      t.within(waiting, 'the aborted receive'),
      (error) => error === controller.signal.reason,
    );
    await assert.rejects(
      receiver.receive({ signal: controller.signal }),
      (error) => error === controller.signal.reason,
    );
    for (let n = 0; n < 3; n++) await a.send(mailbox, n);
    assert.deepEqual(
      numbers([await other.receive(), await host.receive(), await other.receive()]),
      [0, 1, 2],
    );
  }
  await rejects(b.receive(direct, { timeout: 5 }), 'ERR_TIMEOUT');
  await a.send({ kind: 'peer', name: b.name }, 'still there');
  assert.equal((await t.within(b.receive(direct), 'a direct message')).body, 'still there');
}

async function timedOutAtRendezvous(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 0 });
  await b.receiver(mailbox);
  const other = await c.receiver(mailbox);
  await rejects(other.receive({ timeout: 10 }), 'ERR_TIMEOUT');
  await rejects(b.receive(mailbox, { timeout: 10 }), 'ERR_TIMEOUT');
  await t.exchange(b, c);
  assert.equal(await a.trySend(mailbox, 'gone'), false, 'a receive that timed out does not count as waiting');
}

async function selectTakesOne(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const [x, y] = [t.mailbox({ capacity: 4 }), t.mailbox({ capacity: 4 })];
  const [fromX, fromY] = [await b.receiver(x), await b.receiver(y)];
  await rejects(b.select([x, y, { kind: 'anyPeer' }], { timeout: 20 }), 'ERR_TIMEOUT', '20');
  await a.send(x, 'x');
  await a.send(y, 'y');
  const { index, message } = await t.within(b.select([x, y]), 'a select with two ready sources');
  assert.equal(message.body, index === 0 ? 'x' : 'y', 'the source that select names is the one it took from');
  const left = index === 0 ? await fromY.tryReceive() : await fromX.tryReceive();
  assert.equal(left?.body, index === 0 ? 'y' : 'x', 'select leaves the others alone');
  const waiting = b.select([x, { kind: 'anyPeer' }, y]);
  await t.stillPending(waiting, 'a select on empty sources', a, b);
  await a.send({ kind: 'peer', name: b.name }, 'direct');
  const second = await t.within(waiting, 'the select');
  assert.deepEqual([second.index, second.message.body], [1, 'direct']);
  for (let n = 0; n < 3; n++) await a.send(x, n);
  assert.deepEqual(
    numbers(await fromX.receiveMany(5)),
    [0, 1, 2],
    'a select that is over takes nothing more',
  );
}

/**
 * Over links, what was on its way to a receive that gave up goes back to its place, but another process may by then have
 * taken what stood behind it: only a store can promise competing receivers the order as well.
 */
async function interruptedReceives(t: Harness, capacity: number | 'unbounded'): Promise<void> {
  const [a, b, c] = await t.group(3);
  const mailbox = t.mailbox({ capacity });
  await trade(t, {
    mailbox,
    producers: [a],
    consumers: [b, c],
    count: rounds(t),
    consume: { interrupted: 0.7 },
    order: await t.isStore(a, mailbox),
  });
}

/** The receiver is not the host: what was on its way to a receive that gave up must still come before all that follows. */
async function interruptedFarReceives(t: Harness, capacity: number | 'unbounded'): Promise<void> {
  const [host, a, b] = await t.group(3);
  const mailbox = t.mailbox({ capacity });
  await host.receiver(mailbox);
  for (const verb of ['receive', 'receiveMany', 'select'] as const)
    await trade(t, {
      mailbox,
      producers: [a],
      consumers: [b],
      count: rounds(t) / 3,
      consume: { interrupted: 0.7, window: verb === 'receiveMany' ? 1 : 3, verb },
    });
}

/** Receives that give up and are not followed by another: what was on its way to one is there for whoever asks next. */
async function restingReceivers(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  for (const capacity of t.capacities(0, 8)) {
    const produce = { window: 4 };
    const consume = { interrupted: 0.7, rest: 12 };
    const common = { producers: [a], count: rounds(t), produce, consume };
    const mailbox = t.mailbox({ capacity });
    await trade(t, { ...common, mailbox, consumers: [b, c], order: await t.isStore(a, mailbox) });
    const far = t.mailbox({ capacity });
    await b.receiver(far);
    await trade(t, { ...common, mailbox: far, consumers: [c] });
  }
}

async function interruptedEverything(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  for (const verb of ['receive', 'receiveMany', 'select'] as const) {
    const mailbox = t.mailbox({ capacity: 2 });
    await trade(t, {
      mailbox,
      producers: [a, b],
      consumers: [b, c],
      count: rounds(t) / 3,
      produce: { interrupted: 0.4 },
      consume: { interrupted: 0.6, verb },
      order: await t.isStore(a, mailbox),
    });
  }
}

export const withdrawing: readonly ConformanceRule[] = [
  rule('R13', 'a receive that timed out or was aborted took nothing', timedOutReceive),
  rule('R13', 'at capacity 0 a receive that timed out is not waiting any more', timedOutAtRendezvous),
  rule('R13', 'select takes one message from one source', selectTakesOne),
  rule('R13', 'timeouts and aborts raced against delivery', (t) => interruptedReceives(t, 4)),
  rule('R13', 'timeouts and aborts raced against a rendezvous', (t) => interruptedReceives(t, 0)),
  rule('R13', 'what was on its way to a receive that gave up is there for the next', restingReceivers),
  rule('R13', 'receives that give up far from the host keep the order', (t) => interruptedFarReceives(t, 8)),
  rule('R13', 'timeouts and aborts of both sides at once', interruptedEverything),
];
