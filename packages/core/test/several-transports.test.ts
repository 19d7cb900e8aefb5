import { expect, test } from 'vitest';
import { anyPeer, createRuntime, mailbox, peer, type RuntimeOptions } from '../dist/index.js';
import { runtimeDirectory } from './child.js';

const options = (name: string, directory: string): RuntimeOptions => ({
  name,
  directory,
  namespace: 'n',
  config: false,
  logger: false,
});

test('a transport that is configured in several words for the same has one port, and every message arrives', async () => {
  const directory = await runtimeDirectory();
  const several = await createRuntime({
    ...options('several', directory),
    transport: 'uds',
    mailboxes: {
      a: { transport: { use: 'uds' } },
      b: { transport: { use: 'uds', socket: 'stream' } },
      c: { transport: { use: 'uds', socket: 'stream' } },
    },
  }).catch((error: unknown) => error);
  expect(several).toMatchObject({
    code: 'ERR_CONFIG',
    message: expect.stringContaining('mailboxes.b.transport'),
  });
  const receiver = await createRuntime({
    ...options('receiver', directory),
    transport: 'memory',
    mailboxes: {
      a: { transport: { use: 'uds', socket: 'stream' } },
      b: { transport: { use: 'uds', socket: 'stream' } },
      c: { transport: '@pigeonhole/transport-uds' },
    },
  });
  const sender = await createRuntime({ ...options('sender', directory), transport: 'uds' });
  for (const name of ['a', 'b', 'c']) {
    const received = receiver.receive(mailbox<string>(name), { timeout: 10_000 });
    await sender.send(mailbox<string>(name), name);
    expect((await received).body).toBe(name);
    expect(receiver.explain(mailbox(name)).transport).toBe('uds');
  }
  await Promise.all([receiver.close(), sender.close()]);
});

test('the inbox of a process that names its transport twice is one', async () => {
  const directory = await runtimeDirectory();
  const twice = await createRuntime({
    ...options('twice', directory),
    transport: 'uds',
    mailboxes: { m: { transport: { use: 'uds' } } },
  });
  const sender = await createRuntime({ ...options('sender', directory), transport: 'uds' });
  await sender.send(peer<number>('twice'), 1);
  expect((await twice.receive(anyPeer, { timeout: 10_000 })).body).toBe(1);
  await Promise.all([twice.close(), sender.close()]);
});
