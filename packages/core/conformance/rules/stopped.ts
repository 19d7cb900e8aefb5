/** R7, R26 next to processes that are stopped: alive, but silent. */
import assert from 'node:assert/strict';
import { rejects } from '../expect.js';
import type { Harness } from '../harness.js';
import { type ConformanceRule, rule } from '../rule.js';

async function stoppedHostKeeps(t: Harness): Promise<void> {
  const [sender, survivor, host] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 4 });
  await host.receiver(mailbox);
  const receiver = await survivor.receiver(mailbox);
  await sender.send(mailbox, 'before');
  const store = await t.isStore(sender, mailbox);
  host.stop();
  const sent = sender.send(mailbox, 'while it is stopped');
  const received = receiver.receive();
  await t.stillPending(
    store ? new Promise(() => undefined) : sent,
    'a send to a stopped host',
    sender,
    survivor,
  );
  const ofIt = (event: { mailbox: string }) => event.mailbox === mailbox.name;
  assert.deepEqual(survivor.seen('mailbox:host').filter(ofIt), [], 'nobody takes its place');
  assert.deepEqual([sender.seen('mailbox:lost'), sender.seen('peer:down')], [[], []]);
  host.resume();
  await t.within(sent, 'the send, once its host goes on');
  assert.equal((await t.within(received, 'the receive, once its host goes on')).body, 'before');
  assert.equal((await t.within(receiver.receive(), 'the next receive')).body, 'while it is stopped');
}

async function stoppedHostHangsNobody(t: Harness): Promise<void> {
  const [sender, receiver, host] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 1 });
  const hosting = await host.receiver(mailbox);
  const elsewhere = await receiver.receiver(mailbox);
  await sender.send(mailbox, 'fills it');
  if (await t.isStore(sender, mailbox)) return;
  host.stop();
  const sends = [1, 2].map((n) => sender.send(mailbox, n, { timeout: 50 }));
  await rejects(t.within(elsewhere.receive({ timeout: 50 }), 'a receive with a timeout'), 'ERR_TIMEOUT');
  const outcomes = await t.within(Promise.allSettled(sends), 'sends with a timeout to a stopped host');
  const codes = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'accepted'));
  for (const code of codes) assert.match(code, /^ERR_(TIMEOUT|OUTCOME_UNKNOWN)$/);
  host.resume();
  await t.exchange(sender, host);
  const got = [];
  for (let next = await hosting.tryReceive(); next !== null; next = await hosting.tryReceive())
    got.push(next.body);
  assert.equal(got[0], 'fills it', 'a receive that timed out took nothing');
  for (const n of [1, 2])
    assert.ok(codes[n - 1] !== 'ERR_TIMEOUT' || !got.includes(n), `send ${n} timed out and was accepted`);
}

async function stoppedReceiverHoldsUpNobody(t: Harness): Promise<void> {
  const [sender, host, stopped] = await t.group(3);
  const mailbox = t.mailbox({ capacity: 4 });
  const receiver = await host.receiver(mailbox);
  const waiting = stopped.receive(mailbox);
  await t.stillPending(waiting, 'a receive', stopped, host);
  stopped.stop();
  // The one call that waited may be given one message; it has it when it goes on.
  const got: unknown[] = [];
  for (let n = 0; n < 6; n++) {
    await t.within(sender.send(mailbox, n), 'a send next to a stopped receiver');
    if (n > 0) got.push((await t.within(receiver.receive(), 'a receive next to a stopped one')).body);
  }
  stopped.resume();
  const given = (await t.within(waiting, 'the receive, once resumed')).body;
  const rest = [0, 1, 2, 3, 4, 5].filter((n) => n !== given);
  assert.deepEqual(got, rest, 'all but the one that waited for the stopped receiver, in order');
  assert.equal(await receiver.tryReceive(), null);
}

/** What a stopped process was given it has not received: killed, it has lost nothing. */
async function stoppedReceiverDies(t: Harness): Promise<void> {
  const [sender, host] = await t.group(2);
  for (const capacity of t.capacities(0, 4)) {
    const mailbox = t.mailbox({ capacity });
    const receiver = await host.receiver(mailbox);
    const dying = await t.party();
    const waiting = [dying.receive(mailbox), dying.receive(mailbox)];
    await t.stillPending(Promise.race(waiting), 'receives', dying, host);
    dying.stop();
    const sends = [0, 1, 2].map((n) => sender.send(mailbox, n));
    await t.exchange(sender, host);
    await t.kill(dying);
    const got = [];
    for (let n = 0; n < 3; n++)
      got.push((await t.within(receiver.receive(), 'what the dead had not received')).body);
    // Whoever receives before the host knows of the death overtakes what comes back.
    assert.deepEqual(got.sort(), [0, 1, 2], 'all of it, once');
    await t.within(Promise.all(sends), 'the sends');
  }
}

/** Whoever it dialled will not answer: it is stopped, or has gone without having read that it was dialled. */
async function leavesAStoppedOne(t: Harness): Promise<void> {
  const [leaving, stopped] = [await t.party(), await t.party()];
  await leaving.event('peer:up', ({ name }) => name === stopped.name, stopped.name);
  stopped.stop();
  const sent = leaving.send({ kind: 'peer', name: stopped.name }, 'unread');
  sent.catch(() => undefined); // ERR_CLOSED, or a store has accepted it
  await t.within(leaving.close(), 'a runtime to close while it dials');
  const departure = await t.within(leaving.leave(), 'its process to end');
  assert.deepEqual(departure, { code: 0, signal: null });
  stopped.resume();
}

export const stopped: readonly ConformanceRule[] = [
  rule('R26', 'a stopped host keeps its mailboxes', stoppedHostKeeps, ['processes']),
  rule('R7', 'timeouts fire while the host is stopped, and say what is known', stoppedHostHangsNobody, [
    'processes',
  ]),
  rule('R26', 'what was on its way to a receiver that dies goes to the next', stoppedReceiverDies, [
    'processes',
  ]),
  rule('R24', 'a process that closes while it dials a stopped one ends', leavesAStoppedOne, ['processes']),
  rule('R26', 'a stopped receiver holds up nobody else', stoppedReceiverHoldsUpNobody, ['processes']),
];
