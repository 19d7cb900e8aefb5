/** R7: a send that timed out or was aborted was not accepted, however close it was. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { fails, numbers, rejects } from '../expect.js';
import type { SenderHandle } from '../handles.js';
import type { Harness } from '../harness.js';
import { type ConformanceRule, rule } from '../rule.js';
import { trade } from '../trade.js';

/** Iterations of a race: cheap in one process, dear between processes. */
function rounds(t: Harness): number {
  return t.place === 'process' ? 600 : 300;
}

async function timedOutSend(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  for (const capacity of t.capacities(0, 1)) {
    const mailbox = t.mailbox({ capacity });
    const receiver = await b.receiver(mailbox);
    const sender = await a.sender(mailbox);
    if (capacity === 1) await sender.send('fills it');
    await rejects(sender.send('too late', { timeout: 20 }), 'ERR_TIMEOUT', '20', mailbox.name);
    await rejects(sender.send('at once', { timeout: 0 }), 'ERR_TIMEOUT');
    const next = sender.send('next');
    const got = [];
    for (let n = 0; n <= capacity; n++)
      got.push((await t.within(receiver.receive(), 'what was accepted')).body);
    await t.within(next, 'the send after those that timed out');
    assert.deepEqual(got, capacity === 1 ? ['fills it', 'next'] : ['next']);
    assert.equal(await receiver.tryReceive(), null);
  }
}

async function abortedSend(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 1 });
  const receiver = await b.receiver(mailbox);
  await a.send(mailbox, 'fills it');
  const before = AbortSignal.abort(new Error('never started'));
  await assert.rejects(a.send(mailbox, 'x', { signal: before }), (error) => error === before.reason);
  const controller = new AbortController();
  const waiting = a.send(mailbox, 'y', { signal: controller.signal });
  await t.stillPending(waiting, 'a send to a full mailbox', a, b);
  const reason = { why: 'the reason itself, not a copy' };
  controller.abort(reason);
  await assert.rejects(t.within(waiting, 'the aborted send'), (error) => error === reason);
  assert.deepEqual(numbers([await receiver.tryReceive(), await receiver.tryReceive()]), ['fills it', null]);
  const late = new AbortController();
  await a.send(mailbox, 'z', { signal: late.signal });
  late.abort();
  assert.equal(
    (await t.within(receiver.receive(), 'a message whose signal fired after it was accepted')).body,
    'z',
  );
}

async function withoutHost(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  // At capacity 0 a store, too, has nowhere to put a message that nobody receives.
  const mailbox = t.mailbox({ capacity: 0 });
  const hosted = t.mailbox({ capacity: 4 });
  await rejects(a.send(mailbox, 'nobody', { timeout: 20 }), 'ERR_TIMEOUT', mailbox.name);
  if (!(await t.isStore(a, hosted))) {
    await rejects(a.send(hosted, 'nobody', { timeout: 20 }), 'ERR_TIMEOUT', hosted.name);
    assert.equal(await b.tryReceive(hosted), null);
  }
  await rejects(a.send({ kind: 'peer', name: 'nobody' }, 1, { timeout: 20 }), 'ERR_TIMEOUT', 'nobody');
  const receiver = await b.receiver(mailbox);
  const next = a.send(mailbox, 'somebody');
  assert.equal((await t.within(receiver.receive(), 'the first accepted message')).body, 'somebody');
  await t.within(next, 'the send');
  await rejects(t.within(b.receive({ kind: 'anyPeer' }, { timeout: 0 }), 'a receive'), 'ERR_TIMEOUT');
}

async function leavesSignalAlone(t: Harness): Promise<void> {
  const a = await t.party();
  const mailbox = t.mailbox({ capacity: 4 });
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  try {
    const receiver = await a.receiver(mailbox);
    const sender = await a.sender(mailbox);
    const { signal } = new AbortController();
    const sends = [
      sender.sendMany(
        Array.from({ length: 30 }, (_, n) => n),
        { signal },
      ),
    ];
    for (let n = 0; n < 20; n++) sends.push(sender.send(n, { signal }));
    for (let n = 0; n < 50; n++) await t.within(receiver.receive({ signal }), 'a receive');
    await t.within(Promise.all(sends), 'all sends');
    const waiting = Array.from({ length: 20 }, () => receiver.receive({ signal }));
    for (let n = 0; n < 20; n++) await a.send(mailbox, n, { signal });
    await t.within(Promise.all(waiting), 'all receives');
    assert.equal(getEventListeners(signal, 'abort').length, 0, 'settled calls leave no listener on a signal');
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(warnings.map(String), [], 'one signal may serve many calls');
  } finally {
    process.off('warning', onWarning);
  }
}

async function refusesTimeouts(t: Harness): Promise<void> {
  const party = await t.party();
  const mailbox = t.mailbox();
  for (const timeout of [-1, Number.NaN, '5', {}, null] as number[]) {
    await fails(() => party.send(mailbox, 1, { timeout }), 'ERR_CONFIG', 'timeout');
    await fails(() => party.receive(mailbox, { timeout }), 'ERR_CONFIG', 'timeout');
    await fails(() => party.select([mailbox], { timeout }), 'ERR_CONFIG', 'timeout');
  }
}

async function cutBatch(
  t: Harness,
  givesUp: (sender: SenderHandle, bodies: number[]) => Promise<unknown>,
): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 4 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  const bodies = Array.from({ length: 40 }, (_, n) => n);
  const error = await givesUp(sender, bodies);
  assert.equal((error as { accepted?: number }).accepted, 4, 'how many of them were accepted');
  for (let n = 0; n < 4; n++)
    assert.equal((await t.within(receiver.receive(), 'one of the accepted')).body, n, 'the leading ones are');
  assert.equal(await receiver.tryReceive(), null);
  await t.within(a.send(mailbox, 'next'), 'the next send');
  assert.equal((await t.within(receiver.receive(), 'the next message')).body, 'next');
}

async function batchAmongSends(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ capacity: 3 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);
  const sends = [
    sender.sendMany(upTo(0, 50)),
    sender.send(50),
    sender.sendMany(upTo(51, 120)),
    sender.send(120),
  ];
  for (let n = 0; n <= 120; n++)
    assert.equal(
      (await t.within(receiver.receive(), 'the next message')).body,
      n,
      'in the order of the calls',
    );
  await t.within(Promise.all(sends), 'all sends');
}

async function interruptedSends(t: Harness, capacity: number): Promise<void> {
  const [a, b, c] = await t.group(3);
  await trade(t, {
    mailbox: t.mailbox({ capacity }),
    producers: [a, c],
    consumers: [b],
    count: rounds(t),
    produce: { interrupted: 0.5, window: 3 },
  });
}

async function interruptedLargeSends(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  await trade(t, {
    mailbox: t.mailbox({ capacity: 1, codec: 'msgpack' }),
    producers: [a],
    consumers: [b],
    count: 40,
    produce: { interrupted: 0.5, size: [0, 2_000_000] },
  });
}

export const cancelling: readonly ConformanceRule[] = [
  rule('R7', 'a send that timed out was not accepted', timedOutSend),
  rule('R7', 'an aborted send rejects with its signal’s reason and was not accepted', abortedSend),
  rule('R7', 'a send that timed out without a host is not delivered to a later one', withoutHost),
  rule('R7', 'a timeout that is no number of milliseconds is ERR_CONFIG', refusesTimeouts),
  rule('R7', 'one signal serves many calls, and none leaves a listener on it', leavesSignalAlone, [
    'process',
  ]),
  rule('R7', 'a sendMany that timed out says how many were accepted, which are the leading ones', (t) =>
    cutBatch(t, (sender, bodies) =>
      rejects(sender.sendMany(bodies, { timeout: 50 }), 'ERR_TIMEOUT', '4 of 40'),
    ),
  ),
  rule('R7', 'a sendMany whose handle is closed says the same', (t) =>
    cutBatch(t, async (sender, bodies) => {
      const sent = rejects(sender.sendMany(bodies), 'ERR_CLOSED', '4 of 40');
      await sender.close();
      return sent;
    }),
  ),
  rule('R9', 'sends behind those of a sendMany that wait stay behind them', batchAmongSends),
  rule('R7', 'timeouts and aborts raced against acceptance', (t) => interruptedSends(t, 2)),
  rule('R7', 'timeouts and aborts raced against a rendezvous', (t) => interruptedSends(t, 0)),
  rule('R7', 'large messages, timed out and aborted under way', interruptedLargeSends),
];
