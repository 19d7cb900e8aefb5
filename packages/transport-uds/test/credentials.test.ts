/** Who may connect, by what the kernel says of them. */
import { execFile } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRuntime, mailbox } from '@pigeonhole/core';
import type { LinkHandler, PortContext } from '@pigeonhole/core/transport';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../../core/test/peers/watch.js';
import uds, { type UdsOptions } from '../dist/index.js';
import { NAMESPACE, scratch } from './scene.js';

const NOBODY = 65534;
const root = process.geteuid?.() === 0;
const silent: LinkHandler = { data: () => {}, drain: () => {}, end: () => {} };

/** A port that the file system lets everybody reach, who it let in, and whom it warned of. */
async function openToAll(options: UdsOptions) {
  const directory = scratch();
  const seen = { accepted: 0, warnings: [] as Error[] };
  const context: PortContext = {
    namespace: 'n',
    self: { name: 'a', incarnation: '0'.repeat(16) },
    path: (suffix) => join(directory, suffix),
    staging: (path) => `${path}.new`,
    accept: () => {
      seen.accepted++;
      return silent;
    },
    warn: (error) => void seen.warnings.push(error),
  };
  const port = await uds(options).open(context);
  onTestFinished(() => port.close());
  await chmod(directory, 0o755);
  await chmod(port.address, 0o666);
  return Object.assign(seen, { port });
}

/** Connects as another user until the other side hangs up or answers for itself by keeping the connection for a round. */
function connectAs(uid: number, path: string): Promise<void> {
  const program = `
    const socket = require('node:net').connect(${JSON.stringify(path)}, () => socket.write('x'));
    socket.on('error', () => {});
    process.stdin.on('end', () => socket.destroy()).resume();`;
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, ['-e', program], { uid, gid: uid }, (error) =>
      error ? reject(error) : resolve(),
    );
    onTestFinished(() => void child.kill('SIGKILL'));
    ending.push(() => child.stdin?.end());
  });
}

const ending: (() => void)[] = [];
const hangUp = (): void => {
  for (const end of ending.splice(0)) end();
};

test('one’s own processes are let in', async () => {
  const seen = await openToAll({});
  const link = await seen.port.connect(seen.port.address, silent);
  await until(() => seen.accepted === 1, 'the connection');
  link.destroy();
  expect(seen.warnings).toEqual([]);
});

// Only root can become another user to try.
test.runIf(root)('another user’s are refused with ERR_PERMISSION, and named', async () => {
  const seen = await openToAll({});
  const left = connectAs(NOBODY, seen.port.address);
  await until(() => seen.warnings.length === 1, 'the refusal');
  expect(seen.accepted).toBe(0);
  expect(seen.warnings[0]).toMatchObject({ code: 'ERR_PERMISSION', transport: 'uds' });
  expect(seen.warnings[0]?.message).toMatch(
    new RegExp(
      `^refused process \\d+ of user ${NOBODY}, group ${NOBODY} .*allowed are user 0; see option allow`,
    ),
  );
  hangUp();
  await left;
});

test.runIf(root).each([
  ['user', { uids: [NOBODY] }],
  ['group', { gids: [1, NOBODY] }],
])('another %s that is allowed is let in', async (_, allow) => {
  const seen = await openToAll({ allow });
  const left = connectAs(NOBODY, seen.port.address);
  await until(() => seen.accepted === 1, 'the connection');
  hangUp();
  await left;
  expect(seen.warnings).toEqual([]);
});

test.each([
  [{ users: [1] }, "option allow of transport 'uds' has no 'users'; it has: uids, gids"],
  [{ uids: 1 }, 'option allow.uids of transport'],
  [{ gids: [1, -1] }, 'option allow.gids of transport'],
  [{ uids: [2 ** 32 - 1] }, '4294967294'],
  [[1], 'it must be { uids?: [...], gids?: [...] }'],
  [null, 'it must be { uids?: [...], gids?: [...] }'],
])('allow: %j is refused', (allow, message) => {
  expect(() => uds({ allow } as UdsOptions)).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG', message: expect.stringContaining(message) }),
  );
});

/** A runtime in a process without the addon: what `explain` says, or the code of the error. */
function withoutNative(options: object): Promise<string> {
  const settings = { name: 'a', directory: scratch(), namespace: NAMESPACE, logger: false, config: false };
  const program = `
    import { createRuntime, mailbox } from '@pigeonhole/core';
    try {
      const runtime = await createRuntime(${JSON.stringify({ ...settings, transport: { use: 'uds', ...options } })});
      console.log(runtime.explain(mailbox('m')).details.peers);
      await runtime.close();
    } catch (error) {
      console.log(error.code, error.message);
    }`;
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PIGEONHOLE_NATIVE: 'off' };
    execFile(
      process.execPath,
      ['--input-type=module', '-e', program],
      { env, cwd: fileURLToPath(new URL('.', import.meta.url)) },
      (error, printed) => (error ? reject(error) : resolve(printed)),
    );
  });
}

test('without native code it works as far as the directory protects it, and says so', async () => {
  expect(await withoutNative({})).toMatch(/^their user is not checked, .* mode 0700 keeps others out\n$/);
  expect(await withoutNative({ allow: { uids: [1] } })).toMatch(
    /^ERR_NATIVE_UNAVAILABLE option allow of transport 'uds' cannot be kept: .*PIGEONHOLE_NATIVE=off/,
  );
});

test('with it, explain says who is let in', async () => {
  const runtime = await createRuntime({
    ...{ name: 'a', directory: scratch(), namespace: NAMESPACE, logger: false, config: false },
    transport: { use: 'uds', allow: { gids: [7] } },
  });
  expect(runtime.explain(mailbox('m')).details).toEqual({
    socket: 'stream',
    peers: `their user is checked (SO_PEERCRED): user ${process.geteuid?.()} and group 7`,
  });
  await runtime.close();
});
