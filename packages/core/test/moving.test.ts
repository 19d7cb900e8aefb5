import { expect, test } from 'vitest';
import { createRuntime, mailbox, peer } from '../dist/index.js';
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
