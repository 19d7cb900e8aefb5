import { chmod, mkdtemp, readdir, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, mailbox, PigeonholeError, type RuntimeOptions } from '@pigeonhole/core';
import type { LinkHandler, Port, PortContext } from '@pigeonhole/core/transport';
import { expect, onTestFinished, test } from 'vitest';
import { Child, until } from '../../core/test/child.js';
import uds, { type UdsOptions } from '../dist/index.js';

async function scratch(): Promise<string> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'pu')));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function failure(action: () => unknown): Promise<PigeonholeError> {
  try {
    await action();
  } catch (error) {
    if (error instanceof PigeonholeError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

const silent: LinkHandler = { data: () => {}, drain: () => {}, end: () => {} };

/** A port of the transport alone, in `directory`, and what it warns of. */
async function port(directory: string, accept = () => silent): Promise<Port & { warnings: Error[] }> {
  const warnings: Error[] = [];
  const context: PortContext = {
    namespace: 'n',
    self: { name: 'a', incarnation: '0'.repeat(16) },
    path: (suffix) => join(directory, suffix),
    staging: (path) => `${path}.new`,
    accept,
    warn: (error) => void warnings.push(error),
  };
  const open = await uds().open(context);
  onTestFinished(() => open.close());
  return Object.assign(open, { warnings });
}

const options = (directory: string, name: string): RuntimeOptions => ({
  ...{ name, directory, namespace: 'n', transport: 'uds', config: false, logger: false },
});

test('an option it does not have, or a value it does not know, is refused with what there is', async () => {
  expect(await failure(() => uds({ backlog: 3 } as UdsOptions))).toMatchObject({
    code: 'ERR_CONFIG',
    transport: 'uds',
    message: "transport 'uds' has no option 'backlog'; it has: socket, descriptors, allow",
  });
  const error = await failure(() =>
    createRuntime({ ...options('/nowhere', 'a'), transport: { use: 'uds', socket: 'seqpacket' } }),
  );
  expect(error).toMatchObject({
    code: 'ERR_CONFIG',
    message: `option socket of transport 'uds' is "seqpacket"; allowed: 'stream', 'dgram'`,
  });
});

test('a path longer than a socket’s is refused before anything is made', async () => {
  const directory = await scratch();
  const long = join(directory, 'd'.repeat(100));
  const error = await failure(() => port(long));
  expect(error).toMatchObject({ code: 'ERR_PATH_TOO_LONG', address: `${long}/uds.new` });
  expect(await readdir(directory)).toEqual([]);
});

test('connecting where nobody listens any more names the path and the reason', async () => {
  const directory = await scratch();
  const own = await port(directory);
  const path = join(directory, 'other');
  expect(await failure(() => own.connect(path, silent))).toMatchObject({
    code: 'ERR_PEER_DOWN',
    address: path,
    message: `cannot connect to ${path}: nothing listens there (ENOENT)`,
  });
  await writeFile(path, '');
  expect((await failure(() => own.connect(path, silent))).message).toContain(
    'nothing listens there (ECONNREFUSED)',
  );
});

test('another user’s socket is out of reach, and the error says so', async () => {
  const directory = await scratch();
  const server = createServer().listen(join(directory, 'theirs'));
  onTestFinished(() => void server.close());
  await chmod(directory, 0o700);
  const child = await Child.start();
  const failed = child.run(
    async ({ kit }, path) => {
      if (process.getuid?.() !== 0) return null; // only root can become another user
      process.setuid?.(65534);
      return kit.connectUnix(path).then(
        () => 'connected',
        ({ code, message }: Error & { code: string }) => ({ code, message }),
      );
    },
    join(directory, 'theirs'),
  );
  const outcome = await failed;
  if (outcome !== null)
    expect(outcome).toEqual({
      code: 'ERR_PERMISSION',
      message: `cannot connect to ${join(directory, 'theirs')}: this user may not (EACCES)`,
    });
});

test('its socket is for this user only, and goes with the port', async () => {
  const directory = await scratch();
  const own = await port(directory);
  const { mode } = await stat(own.address);
  expect(mode & 0o777).toBe(0o600);
  await own.close();
  expect(await readdir(directory)).toEqual([]);
});

test('a link whose other end is destroyed ends once', async () => {
  const directory = await scratch();
  const ends: (Error | undefined)[] = [];
  let linked = 0;
  const own = await port(directory, () => {
    linked++;
    return { ...silent, end: (error?: Error) => void ends.push(error) };
  });
  const socket = connect(own.address);
  await until(() => linked === 1, 'the link');
  socket.write('x', () => socket.destroy());
  socket.on('error', () => {});
  await until(() => ends.length === 1, 'its end');
  await new Promise(setImmediate);
  expect(ends).toHaveLength(1);
});

test('a host that is out of descriptors is alive, and recovers when it has some again', async () => {
  const directory = await scratch();
  const host = await Child.start({ files: 70 });
  await host.run(
    async (scope, given) => {
      const runtime = await scope.join(given);
      await runtime.receiver(scope.core.mailbox('orders', { capacity: 8 }));
      const { fs } = scope;
      const taken: number[] = [];
      try {
        for (;;) taken.push(fs.openSync('/dev/null', 'r'));
      } catch {}
      scope.kept.free = () => {
        for (const descriptor of taken) fs.closeSync(descriptor);
      };
    },
    options(directory, 'host'),
  );
  const runtime = await createRuntime(options(directory, 'here'));
  const downs: string[] = [];
  runtime.on('peer:down', ({ name }) => void downs.push(name));
  const sent = runtime.send(mailbox<number>('orders'), 1);
  await host.run(({ kept }) => (kept.free as () => void)());
  await sent;
  expect(downs).toEqual([]);
  expect(runtime.peers().map(({ name }) => name)).toEqual(['host']);
  await runtime.close();
  expect(await host.leave()).toBe(0);
});
