/** What an application names once, and no more, is not kept for ever. */
import { expect, test } from 'vitest';
import { mailbox, peer } from '../src/address.js';
import { createRuntime } from '../src/create-runtime.js';
import type { Runtime } from '../src/runtime.js';
import { runtimeDirectory, until } from './child.js';

const join = (name: string, directory: string, transport: string): Promise<Runtime> =>
  createRuntime({ name, directory, namespace: `f-${transport}`, transport, config: false, logger: false });

/** How many entries the maps of a runtime's first carrier have. */
function kept(runtime: Runtime): Record<string, number> {
  const { parts, handles } = runtime as unknown as {
    parts: { carriers: Record<string, { size?: number } | undefined>[] };
    handles: { senders: { size: number }; receivers: { size: number } };
  };
  const [carrier] = parts.carriers;
  const size = (name: string): number => carrier?.[name]?.size ?? 0;
  return {
    ...{ mailboxes: size('mailboxes'), inboxes: size('inboxes'), capacities: size('capacities') },
    ...{ senders: handles.senders.size, receivers: handles.receivers.size },
  };
}

test.each(['uds', 'memory'])(
  'mailboxes and inboxes over %s, once all handles are closed',
  async (transport) => {
    const directory = await runtimeDirectory();
    const host = await join('host', directory, transport);
    const sender = await join('sender', directory, transport);
    const before = kept(sender);
    for (let i = 0; i < 20; i++) {
      const receiver = await host.receiver(mailbox<number>(`m${i}`));
      const [hosted, unhosted] = [
        await sender.sender(mailbox<number>(`m${i}`)),
        await sender.sender(mailbox(`n${i}`)),
      ];
      const [direct, nobody] = [
        await sender.sender(peer<number>('host')),
        await sender.sender(peer(`x${i}`)),
      ];
      await hosted.send(i);
      await direct.send(i);
      expect((await receiver.receive({ timeout: 10_000 })).body).toBe(i);
      expect((await host.receive(peer<number>('sender'), { timeout: 10_000 })).body).toBe(i);
      for (const handle of [hosted, unhosted, direct, nobody]) await handle.close();
    }
    await until(() => JSON.stringify(kept(sender)) === JSON.stringify(before), 'all to be forgotten');
    // What was forgotten is found again.
    const again = await sender.sender(mailbox<string>('m3'));
    await again.send('again');
    expect((await host.receive(mailbox<string>('m3'), { timeout: 10_000 })).body).toBe('again');
    await Promise.all([sender.close(), host.close()]);
  },
);

test('a message that was not received when the handle closed is still reported when its host is lost', async () => {
  const directory = await runtimeDirectory();
  const sender = await join('sender', directory, 'uds');
  const host = await join('host', directory, 'uds');
  const receiver = await host.receiver(mailbox<number>('m'));
  const tx = await sender.sender(mailbox<number>('m'));
  await tx.send(1);
  await tx.close();
  for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
  expect(kept(sender).mailboxes).toBe(2);
  await receiver.receive();
  await until(() => kept(sender).mailboxes === 1, 'the mailbox to be forgotten');
  await Promise.all([sender.close(), host.close()]);
});

test('handles of addresses that are made call by call, each with a schema of its own', async () => {
  const runtime = await join('alone', await runtimeDirectory(), 'memory');
  const schema = () => ({
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: (value: unknown) => ({ value: value as number }),
    },
  });
  for (let i = 0; i < 3000; i++) {
    await runtime.send(mailbox('m', { schema: schema() }), i);
    expect((await runtime.receive(mailbox('m', { schema: schema() }))).body).toBe(i);
  }
  expect(kept(runtime).senders).toBeLessThanOrEqual(1024);
  expect(kept(runtime).receivers).toBe(1);
  await runtime.close();
});
