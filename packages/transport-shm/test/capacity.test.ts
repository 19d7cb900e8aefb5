import { closeSync, mkdtempSync, openSync, readdirSync, realpathSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { createRuntime, mailbox } from '@pigeonhole/core';
import { sharedMemoryFolder } from '@pigeonhole/core/transport';
import { expect, onTestFinished, test } from 'vitest';

/** Where the header has `waits` (docs/protocol.md). */
const WAITS = 512;

async function runtimes() {
  const directory = mkdtempSync(path(tmpdir(), 'pg-capacity-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const join = (name: string) =>
    createRuntime({ name, namespace: 'n', directory, transport: 'shm', logger: false });
  return [await join('early'), await join('late'), await join('other')] as const;
}

test('who names a capacity after others have sent without one gets it; whoever names another then does not', async () => {
  const [early, late, other] = await runtimes();
  for (const count of [3, 'unbounded'] as const) {
    const name = `orders-${count}`;
    for (let n = 0; n < 5; n++) await early.send(mailbox<number>(name), n);
    const receiver = await late.receiver(mailbox<number>(name, { capacity: count }));
    expect(late.explain(mailbox(name)).capacity).toBe(count);
    await expect(other.receiver(mailbox(name, { capacity: 7 }))).rejects.toMatchObject({
      code: 'ERR_CAPACITY_MISMATCH',
    });
    // What was accepted under the default stays accepted, and no more fits until it has been taken.
    expect(await early.trySend(mailbox<number>(name), 5)).toBe(count !== 3);
    for (let n = 0; n < 3; n++) expect((await receiver.receive()).body).toBe(n);
    expect(await early.trySend(mailbox<number>(name), 6)).toBe(true);
    while ((await receiver.tryReceive()) !== null);
  }
  for (const each of [early, late, other]) await each.close();
});

// A sender that is stopped in the instruction before it writes that word leaves the same.
test('a send that waits without having said so is found by who finds nothing else', async () => {
  const directory = mkdtempSync(path(tmpdir(), 'pg-capacity-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const join = (name: string) =>
    createRuntime({ name, namespace: 'n', directory, transport: 'shm', logger: false });
  const [sender, receiver] = [await join('sender'), await join('receiver')];
  const box = mailbox<number>('one', { capacity: 1 });
  const from = await receiver.receiver(box);
  await sender.send(box, 1);
  const waiting = sender.send(box, 2);
  const folder = sharedMemoryFolder('/dev/shm', path(realpathSync(directory), 'n'));
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.box'))) {
    const box = openSync(path(folder, file), 'r+');
    writeSync(box, Buffer.alloc(8), 0, 8, WAITS);
    closeSync(box);
  }
  // In one turn of the event loop, in which the sender, of the same thread, does nothing.
  expect([from.tryReceiveSync()?.body, from.tryReceiveSync()?.body]).toEqual([1, 2]);
  await waiting;
  for (const each of [sender, receiver]) await each.close();
});
