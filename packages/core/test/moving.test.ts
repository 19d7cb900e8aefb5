import { expect, test } from 'vitest';
import { anyPeer, createRuntime, mailbox, peer } from '../dist/index.js';
import { runtimeDirectory } from './child.js';

test.each(['memory', 'uds'])(
  'a try over %s is answered each time, however soon it follows the last',
  async (transport) => {
    const directory = await runtimeDirectory();
    const runtime = await createRuntime({
      name: 'alone',
      directory,
      namespace: `tries-${transport}`,
      transport,
      config: false,
      logger: false,
    });
    for (let i = 0; i < 100; i++) expect(await runtime.trySend(peer('nobody'), i)).toBe(false);
    if (transport === 'uds')
      for (let i = 0; i < 100; i++) expect(await runtime.trySend(mailbox('unhosted'), i)).toBe(false);
    await runtime.close();
  },
);

test.each([0, 1])(
  'a send that waits, at capacity %i, for a process that starts anew reaches it',
  async (capacity) => {
    const join = (name: string) =>
      createRuntime({
        name,
        namespace: 'anew',
        transport: 'memory',
        inbox: { capacity },
        config: false,
        logger: false,
      });
    const sender = await join('sender');
    let owner = await join('owner');
    const sent = Array.from({ length: capacity + 1 }, (_, i) => sender.send(peer<number>('owner'), i));
    expect(await sender.trySend(peer<number>('owner'), 9)).toBe(false);
    await owner.close();
    owner = await join('owner');
    for (let i = 0; i <= capacity; i++)
      expect((await owner.receive(anyPeer, { timeout: 10_000 })).body).toBe(i);
    await Promise.all(sent);
    await Promise.all([sender.close(), owner.close()]);
  },
);
