import { expect, test } from 'vitest';
import { createRuntime, mailbox, type Runtime, type Transport } from '../dist/index.js';
import { runtimeDirectory, until } from './child.js';
import { FrameGate } from './frame-gate.js';

test('a receiver that is opened while its process is being let in as a sender can inherit the mailbox', async () => {
  const directory = await runtimeDirectory();
  const gate = new FrameGate();
  const join = (name: string, transport: Transport | 'uds' = 'uds'): Promise<Runtime> =>
    createRuntime({ name, directory, namespace: 'n', transport, config: false, logger: false });
  const host = await join('host');
  await Promise.all([host.receiver(mailbox('m')), host.receiver(mailbox('other'))]);
  const heir = await join('heir', gate.transport);
  await heir.sender(mailbox('other')); // the link is there
  gate.allow(0);
  const sender = heir.sender(mailbox('m'));
  await until(() => gate.held > 0, 'the answer to open');
  const receiver = heir.receiver(mailbox('m'));
  gate.allow(Infinity);
  await Promise.all([sender, receiver]);
  await host.send(mailbox('m'), 1);
  expect((await host.close()).undelivered).toEqual([]);
  expect((await (await receiver).receive({ timeout: 10_000 })).body).toBe(1);
  await heir.close();
});
