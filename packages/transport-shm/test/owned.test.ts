import { existsSync, readdirSync } from 'node:fs';
import { createRuntime, mailbox, type Runtime } from '@pigeonhole/core';
import { expect, test } from 'vitest';
import { ownPlace } from './place.js';

/** Runtimes that meet one another, and the folder of their mailboxes. */
function place(): { folder: string; join(name: string): Promise<Runtime> } {
  const { setup, folder } = ownPlace();
  return { folder, join: (name) => createRuntime({ name, ...setup }) };
}

const gone = mailbox<string>('actors.0123456789abcdef', { capacity: 'unbounded' });

test('what only a process that is gone could receive goes with the last that has it open; the rest stays', async () => {
  const { folder, join } = place();
  const sender = await join('sender');
  await sender.send(gone, 'too late');
  await sender.close();
  expect(existsSync(folder)).toBe(false);
  const other = await join('other');
  await other.send(mailbox('orders'), 'for whoever comes next');
  await other.close();
  expect(readdirSync(folder).filter((name) => name.endsWith('.box'))).toHaveLength(1);
});

test('it stays while somebody has it open', async () => {
  const { join } = place();
  const [early, owner] = await Promise.all([join('early'), join('owner')]);
  const announcing = await early.sender(gone);
  await announcing.send('subscribed');
  const own = await owner.receiver(gone);
  await early.close();
  expect((await own.receive()).body).toBe('subscribed');
  await owner.close();
});
