/** Links that come before, and dials that end after, what they are for. */
import uds from '@pigeonhole/transport-uds';
import { expect, test } from 'vitest';
import { createRuntime, mailbox } from '../dist/index.js';
import { PigeonholeError } from '../src/errors.js';
import type { Link, LinkTransport } from '../src/transport.js';
import { runtimeDirectory, until } from './child.js';

const options = (name: string, directory: string, transport: LinkTransport) => ({
  ...{ name, directory, namespace: 'n', transport, config: false as const, logger: false as const },
});

test('a link that comes before the port is open is turned away', async () => {
  const directory = await runtimeDirectory();
  const done: string[] = [];
  const link: Link = {
    write: () => true,
    close: () => void done.push('close'),
    destroy: () => void done.push('destroy'),
  };
  const inner = uds();
  const transport: LinkTransport = {
    ...inner,
    open: async (context) => {
      const handler = context.accept(link);
      handler.data(Buffer.from('anything'), true);
      handler.end();
      return inner.open(context);
    },
  };
  const runtime = await createRuntime(options('hasty', directory, transport));
  expect(done).toEqual(['destroy']);
  await runtime.close();
});

test('a dial that fails while the runtime closes keeps it no longer', async () => {
  const directory = await runtimeDirectory();
  const inner = uds();
  let fail = (): void => {};
  const transport: LinkTransport = {
    ...inner,
    open: async (context) => {
      const port = await inner.open(context);
      const connect = (): Promise<Link> =>
        new Promise((_, reject) => {
          fail = () => reject(new PigeonholeError('ERR_PEER_DOWN', 'nothing listens there'));
        });
      return { address: port.address, connect, close: () => port.close() };
    },
  };
  const host = await createRuntime(options('host', directory, uds()));
  await host.receiver(mailbox('m'));
  const runtime = await createRuntime(options('dialler', directory, transport));
  const refused = runtime.send(mailbox('m'), 1).catch((error: { code: string }) => error.code);
  const idle = fail;
  await until(() => fail !== idle, 'the dial');
  const closing = runtime.close({ deadline: 2 ** 31 - 1 });
  expect(await refused).toBe('ERR_CLOSED');
  await new Promise(setImmediate);
  fail();
  await closing;
  await host.close();
});
