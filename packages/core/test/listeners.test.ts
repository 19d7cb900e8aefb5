import { expect, test } from 'vitest';
import { Child, runtimeDirectory, until } from './child.js';

test('a listener that throws is an uncaught exception, and stops nothing', async () => {
  const options = { directory: await runtimeDirectory(), namespace: 'n' };
  const host = await Child.joined({ ...options, name: 'host' });
  await host.run(({ core, kept }) => kept.runtime.receiver(core.mailbox('m')).then(() => {}));
  const heir = await Child.joined({ ...options, name: 'heir' });
  await heir.run(async ({ core, kept, tell }) => {
    process.on('uncaughtException', ({ message }) => tell(message));
    for (const event of ['mailbox:lost', 'mailbox:host', 'peer:up', 'peer:down'] as const)
      kept.runtime.on(event, () => {
        throw new Error(event);
      });
    kept.receiver = await kept.runtime.receiver(core.mailbox('m'));
    kept.received = kept.runtime.receive(core.mailbox('m'));
  });
  host.signal('SIGKILL');
  await until(() => heir.told.includes('mailbox:host'), 'the mailbox at the heir');
  const sender = await Child.joined({ ...options, name: 'sender' });
  await sender.run(({ core, kept }) => kept.runtime.send(core.mailbox('m'), 1));
  expect(await heir.run(async ({ kept }) => ((await kept.received) as { body: unknown }).body)).toBe(1);
  await until(() => heir.told.length === 4, 'what every listener threw');
  expect([...heir.told].sort()).toEqual(['mailbox:host', 'mailbox:lost', 'peer:down', 'peer:up']);
  expect(await Promise.all([sender.leave(), heir.leave()])).toEqual([0, 0]);
});
