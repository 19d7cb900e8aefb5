/** What lives goes on living when somebody removes its socket files. */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import uds from '@pigeonhole/transport-uds';
import { expect, test } from 'vitest';
import { createRuntime, mailbox } from '../dist/index.js';
import { PigeonholeError } from '../src/errors.js';
import type { LinkTransport } from '../src/transport.js';
import { listenUnix } from '../src/unix-socket.js';
import { filesIn, rejection, runtimeDirectory, until } from './child.js';

const options = (name: string, directory: string, transport: LinkTransport | 'uds' = 'uds') => ({
  ...{ name, directory, namespace: 'n', transport, config: false as const, logger: false as const },
});

async function remove(directory: string, ending: string): Promise<string> {
  const [file] = (await filesIn(directory)).filter((each) => each.endsWith(ending));
  const path = join(directory, file as string);
  await rm(path);
  return path;
}

test('a host whose port was removed opens it anew, and what was sent to it meanwhile arrives', async () => {
  const directory = await runtimeDirectory();
  const host = await createRuntime(options('host', directory));
  const receiver = await host.receiver(mailbox<number>('m'));
  await remove(directory, '.uds');
  const sender = await createRuntime(options('sender', directory));
  expect(await sender.trySend(mailbox('m'), 1)).toBe(true);
  expect((await receiver.receive({ timeout: 10_000 })).body).toBe(1);
  await Promise.all([host.close(), sender.close()]);
  expect(await filesIn(directory)).toEqual([]);
});

test('a process whose presence was removed shows itself again, and keeps its name', async () => {
  const directory = await runtimeDirectory();
  const holder = await createRuntime(options('holder', directory));
  const path = await remove(directory, '.sock');
  await until(() => existsSync(path), 'the socket to be made anew');
  expect((await rejection(createRuntime(options('holder', directory)))).code).toBe('ERR_IN_USE');
  await holder.close();
  expect(await filesIn(directory)).toEqual([]);
});

test('a socket that cannot be made anew is warned of once, until it can', async () => {
  const directory = await runtimeDirectory();
  const path = join(directory, 'sub', 'x.sock');
  await mkdir(join(directory, 'sub'));
  const warnings: Error[] = [];
  const listener = await listenUnix(
    path,
    `${path}.new`,
    () => {},
    (error) => void warnings.push(error),
  );
  await rm(join(directory, 'sub'), { recursive: true, maxRetries: 20 });
  await until(() => warnings.length > 0, 'the warning');
  expect(warnings).toMatchObject([{ code: 'ERR_CONFIG' }]);
  await mkdir(join(directory, 'sub'));
  await until(() => existsSync(path), 'the socket to be made anew');
  expect(warnings).toHaveLength(1);
  await listener.close();
  expect(existsSync(path)).toBe(false);
});

test('a host that lives and does not open its port anew is ERR_TRANSPORT, naming the port', async () => {
  const directory = await runtimeDirectory();
  const inner = uds();
  const nobody: LinkTransport = {
    ...inner,
    open: async (context) => {
      const port = await inner.open(context);
      const connect = (): Promise<never> =>
        Promise.reject(new PigeonholeError('ERR_PEER_DOWN', 'nothing listens there'));
      return { address: port.address, connect, close: () => port.close() };
    },
  };
  const host = await createRuntime(options('host', directory));
  await host.receiver(mailbox('m'));
  const sender = await createRuntime(options('sender', directory, nobody));
  const [port] = (await filesIn(directory)).filter((file) => file.endsWith('.uds'));
  for (const attempt of [() => sender.trySend(mailbox('m'), 1), () => sender.send(mailbox('m'), 1)]) {
    const error = await rejection(attempt());
    expect(error.code).toBe('ERR_TRANSPORT');
    expect(error.message).toMatch(
      /process 'host', which hosts mailbox 'm', lives, but \d+ times nothing listened at .*\.uds/,
    );
  }
  expect(port).toBeDefined();
  await Promise.all([host.close(), sender.close()]);
});
