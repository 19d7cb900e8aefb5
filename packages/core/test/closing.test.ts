import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Child, runtimeDirectory } from './child.js';

/** A host with a message, and another receiver, over a directory that is then treated. */
async function twoReceivers(
  treat: (directory: string) => Promise<void>,
): Promise<{ host: Child; heir: Child }> {
  const directory = await runtimeDirectory();
  const options = { directory, namespace: 'n' };
  const host = await Child.joined({ ...options, name: 'host' });
  await host.run(({ core, kept }) => kept.runtime.receiver(core.mailbox('m')).then(() => {}));
  const heir = await Child.joined({ ...options, name: 'heir' });
  await heir.run(({ core, kept }) => kept.runtime.receiver(core.mailbox('m')).then(() => {}));
  await host.run(({ core, kept }) => kept.runtime.send(core.mailbox('m'), 1));
  await treat(join(directory, 'n'));
  return { host, heir };
}

/** Its processes may be making a file anew while it is removed. */
const removed = (directory: string): Promise<void> => rm(directory, { recursive: true, maxRetries: 20 });

test('processes whose directory was removed say what was not delivered, and end', async () => {
  const { host, heir } = await twoReceivers(removed);
  const { undelivered } = await host.run(({ kept }) => kept.runtime.close());
  expect(undelivered).toEqual([{ mailbox: 'm', count: 1 }]);
  expect(await Promise.all([host.leave(), heir.leave()])).toEqual([0, 0]);
});
