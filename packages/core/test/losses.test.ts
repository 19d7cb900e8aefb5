/** What is said to be lost, or undelivered, when hosts close and die one after the other. */
import { expect, test } from 'vitest';
import { createRuntime, mailbox, type Runtime } from '../dist/index.js';
import type { Attachment } from '../src/hosted/attachment.js';
import { HostedMailbox, type MailboxNetwork } from '../src/hosted/mailbox.js';
import { Child, runtimeDirectory } from './child.js';

const join = (name: string, directory: string): Promise<Runtime> =>
  createRuntime({ name, directory, namespace: 'n', transport: 'uds', config: false, logger: false });

test('a message that a stopped receiver was being given is reported by the host that closes', async () => {
  const directory = await runtimeDirectory();
  const host = await join('host', directory);
  await host.receiver(mailbox('m'));
  const child = await Child.joined({ directory, namespace: 'n', name: 'child' });
  await child.run(async ({ core, kept }) => {
    kept.taken = kept.runtime.receive(core.mailbox('m')).catch(() => null);
    await kept.runtime.tryReceive(core.mailbox('m')); // its answer comes behind the pull, on the same link
  });
  child.signal('SIGSTOP');
  for (let i = 0; i < 3; i++) await host.send(mailbox('m'), i);
  const { undelivered } = await host.close({ deadline: 200 });
  expect(undelivered).toEqual([{ mailbox: 'm', count: 3 }]);
  child.signal('SIGCONT');
  await child.leave();
});

test('messages that were handed over, and are lost with the heir, are reported to their sender', async () => {
  const directory = await runtimeDirectory();
  const host = await join('host', directory);
  const sender = await join('sender', directory);
  await host.receiver(mailbox('m'));
  const heir = await Child.joined({ directory, namespace: 'n', name: 'heir' });
  await heir.run(async ({ core, kept }) => void (await kept.runtime.receiver(core.mailbox('m'))));
  for (let i = 0; i < 5; i++) await sender.send(mailbox('m'), i);
  expect((await host.close()).undelivered).toEqual([]);
  await sender.send(mailbox('m'), 5);
  const bodies = await heir.run(async ({ core, kept }) => {
    const take = async () => (await kept.runtime.receive(core.mailbox('m'))).body;
    return [await take(), await take()];
  });
  expect(bodies).toEqual([0, 1]);
  // With its acceptance comes the news of what was received before.
  await sender.send(mailbox('m'), 6);
  await sender.send(mailbox('m'), 7);
  const lost = new Promise((resolve) => sender.once('mailbox:lost', resolve));
  heir.signal('SIGKILL');
  expect(await lost).toEqual({ mailbox: 'm', host: 'heir', lost: 6 });
  await sender.close();
});

test('what a host has accepted is not lost because its sender closes', async () => {
  const directory = await runtimeDirectory();
  const host = await join('host', directory);
  const sender = await join('sender', directory);
  const receiver = await host.receiver(mailbox<number>('m'));
  for (let i = 0; i < 3; i++) await sender.send(mailbox('m'), i);
  const lost: unknown[] = [];
  sender.on('mailbox:lost', (event) => void lost.push(event));
  expect(await sender.close()).toEqual({ undelivered: [], unsent: 0 });
  expect(lost).toEqual([]);
  expect((await receiver.receiveMany()).map(({ body }) => body)).toEqual([0, 1, 2]);
  await host.close();
});

test.each([
  ['nobody', 3],
  ['self', 3],
] as const)('messages in doubt are lost when the next host is %s', async (reached, messages) => {
  const lost: unknown[] = [];
  const network: MailboxNetwork = {
    self: { name: 'self', incarnation: '1'.repeat(16), pid: 1, ports: {} },
    reachHost: async () => reached,
    hosting: () => {},
    retire: () => {},
    lost: (_, host, count) => void lost.push([host, count]),
  };
  const spec = { name: 'm', maxBytes: 1024, capacity: undefined, ordering: undefined };
  const box = new HostedMailbox(network, spec, null);
  box.detached({ host: 'former' } as Attachment, [], [], null, messages);
  expect(lost).toEqual([]);
  await box.channel.seek();
  expect(lost).toEqual([['former', messages]]);
});

test('messages in doubt that this process was handed over are not lost', async () => {
  const lost: unknown[] = [];
  const network: MailboxNetwork = {
    self: { name: 'self', incarnation: '1'.repeat(16), pid: 1, ports: {} },
    reachHost: async () => 'self',
    hosting: () => {},
    retire: () => {},
    lost: (_, host, count) => void lost.push([host, count]),
  };
  const spec = { name: 'm', maxBytes: 1024, capacity: undefined, ordering: undefined };
  const box = new HostedMailbox(network, spec, null);
  const message = { body: Buffer.alloc(1), codec: 0, from: 'self', type: 0, priority: 0, sentAt: 0 };
  box.detached({ host: 'former' } as Attachment, [], [], null, 3);
  for (let i = 0; i < 2; i++) box.adopt(message, () => {});
  await box.channel.seek();
  expect(lost).toEqual([['former', 1]]);
});
