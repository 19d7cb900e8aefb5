/** A port on the listening socket that a service manager has passed (sd_listen_fds(3)). */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { mailbox, peer } from '@pigeonhole/core';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../../core/test/peers/watch.js';
import uds, { type UdsOptions } from '../dist/index.js';
import { honestRuntime, NAMESPACE, scratch } from './scene.js';

const beside = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const program = [process.execPath, beside('activated.mjs')];

interface Service {
  readonly process: ChildProcess;
  line(): Promise<unknown>;
}

/** Started as by a service manager with sockets of that kind and names. */
function service(directory: string, name: string, { kind = 'stream', names = 'x' } = {}): Service {
  const socket = join(directory, 'service.socket');
  const child = spawn(
    'python3',
    [beside('activate.py'), kind, socket, names, ...program, join(directory, 'run'), NAMESPACE, name],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });
  const lines: Interface = createInterface({ input: child.stdout });
  const iterator = lines[Symbol.asyncIterator]();
  return {
    process: child,
    line: async () => JSON.parse(String((await iterator.next()).value)),
  };
}

test('it listens there, others find it there, and nothing of it is passed on', async () => {
  const directory = scratch();
  const started = service(directory, 'activated');
  expect(await started.line()).toEqual({
    variables: [],
    inherited: [],
    second: { code: 'ERR_CONFIG', message: expect.stringContaining('another runtime of this process') },
  });
  expect(await started.line()).toBe('ready');
  const path = join(directory, 'service.socket');
  const root = join(directory, 'run', NAMESPACE);
  const records = readdirSync(root).filter((file) => file.endsWith('.json'));
  expect(records.map((file) => JSON.parse(readFileSync(join(root, file), 'utf8')).ports)).toEqual([
    { uds: path },
  ]);
  expect(readdirSync(root).filter((file) => file.endsWith('.uds'))).toEqual([]);
  const honest = await honestRuntime(join(directory, 'run'));
  for (let i = 0; i < 10; i++) {
    await honest.send(mailbox('echo'), i);
    expect((await honest.receive(peer('activated'))).body).toBe(i);
  }
  const gone = once(started.process, 'exit');
  started.process.stdin?.end();
  expect(await started.line()).toBe('closed');
  await gone;
  // It is the manager's to remove.
  expect(lstatSync(path).isSocket()).toBe(true);
});

test('of several sockets it takes the one with its name', async () => {
  const directory = scratch();
  const started = service(directory, 'activated', { names: 'http:pigeonhole' });
  expect(await started.line()).toMatchObject({ variables: [] });
  expect(await started.line()).toBe('ready');
  const root = join(directory, 'run', NAMESPACE);
  const [record = ''] = readdirSync(root).filter((file) => file.endsWith('.json'));
  expect(JSON.parse(readFileSync(join(root, record), 'utf8')).ports.uds).toBe(
    join(directory, 'service.socket.1'),
  );
});

test('a service that dies before it has accepted, while the manager keeps its socket, leaves nobody waiting', async () => {
  const directory = scratch();
  const started = service(directory, 'activated', { names: 'kept' });
  await started.line();
  await started.line();
  const honest = await honestRuntime(join(directory, 'run'));
  const pid = honest.peers().find(({ name }) => name === 'activated')?.pid as number;
  expect(pid).not.toBe(started.process.pid);
  process.kill(pid, 'SIGSTOP');
  const sent = honest.send(mailbox('echo'), 'knock');
  const path = join(directory, 'service.socket');
  const waiting = (): boolean =>
    readFileSync('/proc/net/unix', 'utf8')
      .split('\n')
      .filter((line) => line.endsWith(path)).length > 1;
  await until(waiting, 'the connection');
  process.kill(pid, 'SIGKILL');
  const other = await honestRuntime(join(directory, 'run'));
  const receiver = await other.receiver(mailbox('echo'));
  await sent;
  expect((await receiver.receive()).body).toBe('knock');
  expect(existsSync(path)).toBe(true);
});

test.each([
  [
    'dgram',
    'x',
    /descriptor 3 is no Unix stream socket that listens; its unit must have ListenStream= with a path/,
  ],
  ['tcp', 'x', /descriptor 3 is no Unix stream socket that listens/],
  ['stream', 'a:b', /2 have been passed, and none is named 'pigeonhole' \(LISTEN_FDNAMES is 'a:b'\)/],
])('what is no such socket is refused (%s, %s)', async (kind, names, message) => {
  const started = service(scratch(), 'activated', { kind, names });
  expect(await started.line()).toEqual({ code: 'ERR_CONFIG', message: expect.stringMatching(message) });
});

test('a descriptor that is no socket at all is refused', async () => {
  const started = service(scratch(), 'activated', { kind: 'file' });
  expect(await started.line()).toMatchObject({
    code: 'ERR_CONFIG',
    message: expect.stringContaining('descriptor 3'),
  });
});

test('the sockets of another process, or none, are refused', async () => {
  const run = async (env: NodeJS.ProcessEnv): Promise<unknown> => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [beside('activated.mjs'), join(scratch(), 'run'), NAMESPACE, 'a'],
      { env: { ...process.env, ...env } },
    );
    return JSON.parse(stdout);
  };
  expect(await run({})).toMatchObject({
    code: 'ERR_CONFIG',
    message: expect.stringContaining('LISTEN_PID is not set'),
  });
  expect(await run({ LISTEN_PID: '1', LISTEN_FDS: '1' })).toMatchObject({
    code: 'ERR_CONFIG',
    message: expect.stringMatching(/LISTEN_PID is 1 and this is process \d+: it is another's/),
  });
});

test('a worker thread has none', async () => {
  const started = service(scratch(), 'worker');
  expect(await started.line()).toMatchObject({
    code: 'ERR_CONFIG',
    message: expect.stringContaining('a worker thread'),
  });
});

test.each([
  [{ descriptors: 'inetd' }, "option descriptors of transport 'uds' is \"inetd\"; allowed: 'systemd'"],
  [{ descriptors: 'systemd', socket: 'dgram' }, "which is for socket: 'stream'"],
])('%j is refused', (options, message) => {
  expect(() => uds(options as UdsOptions)).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG', message: expect.stringContaining(message) }),
  );
});
