/** Bodies that are written where they will be sent from (`sender.loan`) and read where they lie (`receiver.borrow`). */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { forLater, rejects } from '../expect.js';
import { bytesRecipe, digestOf, expectedDigest } from '../fixtures.js';
import type { Harness } from '../harness.js';
import { type ConformanceRule, rule } from '../rule.js';

const MiB = 2 ** 20;
const RAW = { codec: 'raw' } as const;

async function outOfReach(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ ...RAW, capacity: 2 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  for (const size of [0, 1, 100, 512, 513, 5000, 8192, 65_536, 65_537]) {
    const loan = await sender.loan(size);
    assert.deepEqual(
      await t.within(sender.commit(loan, 'commit', { type: 7 }), `a commit of ${size} B`),
      { outcome: undefined, kept: 0, left: 0 },
      `nothing of ${size} B is to be reached once they are committed`,
    );
    assert.deepEqual(
      await t.within(receiver.borrow(), `a message of ${size} B`),
      { digest: expectedDigest(size), from: a.name, type: 7, kept: 0 },
      `nothing of ${size} B is to be reached once they have been read`,
    );
    await rejects(sender.commit(loan), 'ERR_CLOSED', 'loan', mailbox.name);
  }
}

async function mixed(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ ...RAW, capacity: 4 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  for (const [round, size] of [3000, 90_000].entries()) {
    const loans = [await sender.loan(size, 1), await sender.loan(size, 3)] as const;
    await sender.commit(loans[0]);
    await sender.send(bytesRecipe(size, 2));
    await sender.commit(loans[1]);
    await sender.send(bytesRecipe(size, 4));
    const got = [
      (await t.within(receiver.receive({ digest: true }), 'what was lent')).body,
      (await t.within(receiver.borrow(), 'what was sent')).digest,
      (await t.within(receiver.borrow(), 'what was lent')).digest,
      (await t.within(receiver.receive({ digest: true }), 'what was sent')).body,
    ];
    assert.deepEqual(
      got,
      [1, 2, 3, 4].map((seed) => expectedDigest(size, seed)),
      `round ${round}`,
    );
  }
}

async function allSizes(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ ...RAW, capacity: 2 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  for (const size of [0, 1, 4097, 212_961, MiB, 5 * MiB + 3, 16 * MiB]) {
    const committed = sender.commit(await sender.loan(size));
    const report = await t.within(receiver.borrow(), `a message of ${size} B`);
    assert.deepEqual([report.digest, report.kept], [expectedDigest(size), 0]);
    await t.within(committed, `the commit of ${size} B`);
  }
  await rejects(sender.loan(16 * MiB + 1), 'ERR_TOO_LARGE', 'maxMessageBytes', String(16 * MiB));
  assert.equal(await receiver.tryReceive(), null, 'nothing of it was sent');
}

async function refused(t: Harness): Promise<void> {
  const a = await t.party({ maxMessageBytes: 1000 });
  const mailbox = t.mailbox({ capacity: 2 });
  const raw = t.mailbox({ ...RAW, capacity: 2 });
  const receiver = await a.receiver(mailbox);
  const sender = await a.sender(mailbox);
  await rejects(sender.loan(10), 'ERR_UNSUPPORTED', 'msgpack', 'raw', mailbox.name);
  await rejects(receiver.borrow(), 'ERR_UNSUPPORTED', 'msgpack', 'raw', mailbox.name);
  const lender = await a.sender(raw);
  await rejects(lender.loan(1001), 'ERR_TOO_LARGE', '1001', 'maxMessageBytes');
  for (const size of [-1, 1.5]) await rejects(lender.loan(size), 'ERR_CONFIG', 'size', String(size));
  const strict = await a.sender({ ...raw, schema: 'positive' });
  await rejects(strict.loan(10), 'ERR_UNSUPPORTED', 'schema');
  const reader = await a.receiver(raw);
  const loan = await lender.loan(1000);
  await rejects(lender.commit(loan, 'commit', { type: -1 }), 'ERR_CONFIG', 'type');
  await lender.commit(loan);
  assert.equal((await t.within(reader.borrow(), 'what was committed at last')).digest, expectedDigest(1000));
}

async function commitWaits(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ ...RAW, capacity: 1 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  await sender.commit(await sender.loan(2000, 1));
  const waiting = sender.commit(await sender.loan(2000, 2));
  const behind = forLater(sender.send(bytesRecipe(2000, 3)));
  await t.stillPending(waiting, 'a commit to a full mailbox', a, b);
  for (const seed of [1, 2, 3])
    assert.equal(
      (await t.within(receiver.borrow(), `message ${seed}`)).digest,
      expectedDigest(2000, seed),
      'in the order of the calls',
    );
  assert.equal((await t.within(waiting, 'the commit')).kept, 0);
  await t.within(behind, 'the send behind it');
}

async function commitGivenUp(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ ...RAW, capacity: 1 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  await sender.send(bytesRecipe(10));
  const late = await sender.loan(3000, 1);
  await rejects(sender.commit(late, 'commit', { timeout: 20 }), 'ERR_TIMEOUT');
  await rejects(sender.commit(late), 'ERR_CLOSED');
  assert.equal(await sender.lent(late), expectedDigest(0), 'its bytes are out of reach');
  const aborted = new AbortController();
  const abandoned = sender.commit(await sender.loan(3000, 2), 'commit', { signal: aborted.signal });
  await t.stillPending(abandoned, 'a commit to a full mailbox', a, b);
  aborted.abort(new Error('never mind'));
  await assert.rejects(t.within(abandoned, 'the abort'), /never mind/);
  assert.equal((await t.within(receiver.receive(), 'the message')).priority, 0);
  assert.equal(await receiver.tryReceive(), null, 'what was given up was not accepted');
  await sender.commit(await sender.loan(3000, 3));
  assert.equal((await t.within(receiver.borrow(), 'the next')).digest, expectedDigest(3000, 3));
}

async function tryCommits(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ ...RAW, capacity: 1 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  await sender.send(bytesRecipe(10));
  const loan = await sender.loan(4000);
  const { outcome, left } = await t.within(sender.commit(loan, 'tryCommit'), 'tryCommit');
  assert.deepEqual([outcome, left], [false, 4000], 'the mailbox is full, and the loan goes on');
  assert.equal(await sender.lent(loan), expectedDigest(4000), 'with what was written');
  await t.within(receiver.receive(), 'the message');
  assert.equal((await t.within(sender.commit(loan, 'tryCommit'), 'tryCommit')).outcome, true);
  assert.equal((await t.within(receiver.borrow(), 'what was lent')).digest, expectedDigest(4000));
  const cancelled = await sender.loan(4000);
  assert.deepEqual(await sender.commit(cancelled, 'cancel'), { outcome: undefined, kept: 0, left: 0 });
  await rejects(sender.commit(cancelled, 'tryCommit'), 'ERR_CLOSED');
  assert.equal(await receiver.tryReceive(), null);
}

async function commitsBlocking(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ ...RAW, capacity: 1 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  const loan = await sender.loan(2000);
  if (!(await a.explain(mailbox)).capabilities.sync) {
    await rejects(sender.commit(loan, 'commitSync'), 'ERR_UNSUPPORTED', 'commitSync');
    await rejects(sender.commit(loan, 'tryCommitSync'), 'ERR_UNSUPPORTED', 'tryCommitSync');
    assert.equal(await sender.lent(loan), expectedDigest(2000), 'the loan goes on');
    return;
  }
  assert.equal((await sender.commit(loan, 'commitSync')).kept, 0);
  const second = await sender.loan(2000, 2);
  assert.deepEqual(await sender.commit(second, 'tryCommitSync'), { outcome: false, kept: 0, left: 2000 });
  assert.equal((await t.within(receiver.borrow(), 'the first')).digest, expectedDigest(2000));
  assert.equal((await sender.commit(second, 'tryCommitSync')).outcome, true);
  assert.equal((await t.within(receiver.borrow(), 'the second')).digest, expectedDigest(2000, 2));
}

/** Starts a borrow that reads until `end` is called. */
function reading(
  t: Harness,
  borrow: (file: string) => Promise<unknown>,
): { begun: Promise<unknown>; end(): void; done: Promise<unknown> } {
  const file = join(t.scratch, t.unique('reading'));
  const done = forLater(borrow(file));
  const begun = t.until(async () => existsSync(file), 'the reader to have the message');
  return { begun, done, end: () => writeFileSync(`${file}.end`, '') };
}

async function receivedOnce(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const mailbox = t.mailbox({ ...RAW, capacity: 4 });
  const [first, second] = [await b.receiver(mailbox), await c.receiver(mailbox)];
  const sender = await a.sender(mailbox);
  for (const seed of [1, 2, 3]) await sender.send(bytesRecipe(3000, seed));
  const held = reading(t, (file) => first.borrow({ while: file }));
  await held.begun;
  const others = [
    (await t.within(second.receive({ digest: true }), 'another message')).body,
    (await t.within(first.borrow(), 'another message')).digest,
  ];
  assert.deepEqual(
    others,
    [expectedDigest(3000, 2), expectedDigest(3000, 3)],
    'what is read is nobody else’s',
  );
  held.end();
  const { digest, kept } = (await t.within(held.done, 'the reader')) as { digest: string; kept: number };
  assert.deepEqual([digest, kept], [expectedDigest(3000, 1), 0]);
  await sender.send(bytesRecipe(3000, 4));
  await assert.rejects(t.within(first.borrow({ fails: 'no use' }), 'a reader that throws'), /no use/);
  assert.equal(await second.tryReceive(), null, 'what a reader has thrown at has been received');
}

async function borrowGivenUp(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ ...RAW, capacity: 2 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  await rejects(receiver.borrow({ timeout: 20 }), 'ERR_TIMEOUT');
  const aborted = new AbortController();
  const abandoned = receiver.borrow({ signal: aborted.signal });
  await t.stillPending(abandoned, 'a borrow of an empty mailbox', a, b);
  aborted.abort(new Error('never mind'));
  await assert.rejects(t.within(abandoned, 'the abort'), /never mind/);
  const waiting = receiver.borrow();
  await t.stillPending(waiting, 'a borrow of an empty mailbox', a, b);
  await sender.commit(await sender.loan(100));
  assert.equal((await t.within(waiting, 'the message')).digest, expectedDigest(100));
}

async function meets(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ ...RAW, capacity: 0 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  const loan = await sender.loan(3000);
  const unmet = await t.within(sender.commit(loan, 'tryCommit'), 'tryCommit');
  assert.deepEqual([unmet.outcome, unmet.left], [false, 3000], 'nobody is receiving');
  const held = reading(t, (file) => receiver.borrow({ while: file }));
  await t.within(sender.commit(loan), 'a commit that has met its receiver, though it still reads');
  await held.begun;
  held.end();
  const { digest, kept } = (await t.within(held.done, 'the reader')) as { digest: string; kept: number };
  assert.deepEqual([digest, kept], [expectedDigest(3000), 0]);
}

async function closing(t: Harness): Promise<void> {
  const [a, b, c] = await t.group(3);
  const mailbox = t.mailbox({ ...RAW, capacity: 2 });
  const keeper = await c.receiver(mailbox);
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  const loan = await sender.loan(3000);
  await sender.commit(await sender.loan(3000, 1));
  const held = reading(t, (file) => receiver.borrow({ while: file }));
  await held.begun;
  await t.within(sender.close({ twice: true }), 'a sender with a loan to close');
  assert.equal(await sender.lent(loan), expectedDigest(0), 'the bytes of a closed sender are out of reach');
  await rejects(sender.commit(loan), 'ERR_CLOSED');
  const waiting = forLater(receiver.borrow());
  await t.within(receiver.close({ twice: true }), 'a receiver with a reader to close');
  await rejects(waiting, 'ERR_CLOSED');
  await rejects(receiver.borrow(), 'ERR_CLOSED');
  held.end();
  const { kept } = (await t.within(held.done, 'the reader')) as { kept: number };
  assert.equal(kept, 0);
  assert.equal(await keeper.tryReceive(), null, 'what was being read has been received');
}

async function killedReading(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox({ ...RAW, capacity: 2 });
  const receiver = await b.receiver(mailbox);
  const sender = await a.sender(mailbox);
  const dying = await t.party();
  const doomed = await dying.receiver(mailbox);
  const left = await (await dying.sender(mailbox)).loan(3000);
  assert.equal(left, 0);
  await sender.commit(await sender.loan(3000, 1));
  const held = reading(t, (file) => doomed.borrow({ while: file }));
  await held.begun;
  await b.event('peer:up', ({ name }) => name === dying.name, dying.name); // who never knew of it is not told
  await t.kill(dying);
  await b.event('peer:down', ({ name }) => name === dying.name, dying.name);
  await sender.commit(await sender.loan(3000, 2));
  // In shared memory it comes back, perhaps only after word of the death: the kernel closes one descriptor after another. Elsewhere it has been received.
  const first = (await t.within(receiver.borrow(), 'a message')).digest;
  const rest = [1, 2].map((seed) => expectedDigest(3000, seed)).filter((digest) => digest !== first);
  assert.equal(rest.length, 1);
  if (first === expectedDigest(3000, 1))
    assert.equal((await t.within(receiver.borrow(), 'the other')).digest, rest[0]);
  else {
    const late = await receiver.tryReceive();
    if (late !== null) assert.equal(digestOf(late.body as Uint8Array), rest[0]);
  }
}

export const lending: readonly ConformanceRule[] = [
  rule('R6', 'a commit waits for a place, in its turn', commitWaits),
  rule('R7', 'a commit that was given up was not accepted', commitGivenUp),
  rule('R8', 'tryCommit never waits, and the loan goes on if it is false', tryCommits),
  rule('R9', 'what is lent and what is sent, borrowed and received, keep their order', mixed),
  rule('R10', 'what was committed, and what was borrowed, is out of reach', outOfReach),
  rule('R12', 'what is borrowed is received once, also by a reader that throws', receivedOnce),
  rule('R13', 'a borrow that was given up took nothing', borrowGivenUp),
  rule('R17', 'at capacity 0 a commit meets a borrow', meets),
  rule('R22', '0 B to 16 MiB pass where they are written and read in place', allSizes),
  rule('R22', 'loan and borrow are for codec raw, within the limits', refused),
  rule('R24', 'closing ends what is lent and what is borrowed', closing),
  rule('R24', 'commitSync and tryCommitSync block, or are ERR_UNSUPPORTED', commitsBlocking),
  rule('R26', 'a receiver killed while it reads holds up nobody', killedReading, ['threads', 'processes']),
];
