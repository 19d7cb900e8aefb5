import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { createRuntime, mailbox } from '@pigeonhole/core';
import { expect, onTestFinished, test } from 'vitest';

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
