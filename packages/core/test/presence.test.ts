import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createRuntime, type PeerEvent, type Runtime } from '../dist/index.js';
import { PigeonholeError } from '../src/errors.js';
import { newIncarnation, prepareNamespace } from '../src/naming.js';
import { DirectoryRegistry } from '../src/registry/directory.js';
import { listenUnix } from '../src/unix-socket.js';
import { Child, filesIn, rejection, runtimeDirectory, until } from './child.js';

/** While set, this process cannot connect anywhere. */
const broken = vi.hoisted(() => ({ by: null as Error | null }));
vi.mock('../src/unix-socket.js', async (importOriginal) => {
  const real = await importOriginal<typeof import('../src/unix-socket.js')>();
  return {
    ...real,
    connectUnix: (path: string) => (broken.by === null ? real.connectUnix(path) : Promise.reject(broken.by)),
  };
});

/** While `until` is set, records other than `except` are read only once it resolves; while `rmdir` is, no directory is removed before. */
const slow = vi.hoisted(() => ({
  until: null as Promise<void> | null,
  except: '',
  reading: 0,
  rmdir: null as Promise<void> | null,
}));
vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:fs/promises')>();
  const readFile = async (path: string, encoding: 'utf8'): Promise<string> => {
    if (slow.until !== null && path.endsWith('.json') && path !== slow.except) {
      slow.reading++;
      await slow.until;
    }
    return real.readFile(path, encoding);
  };
  const rmdir = async (path: string): Promise<void> => {
    await slow.rmdir;
    await real.rmdir(path);
  };
  return { ...real, readFile, rmdir };
});

const join_ = (directory: string, name: string): Promise<Runtime> =>
  createRuntime({ name, directory, namespace: 'n', transport: 'uds', config: false, logger: false });

/** `+name` and `-name` for all that come and go. */
function watch(runtime: Runtime): string[] {
  const seen: string[] = [];
  runtime.on('peer:up', ({ name }: PeerEvent) => void seen.push(`+${name}`));
  runtime.on('peer:down', ({ name }: PeerEvent) => void seen.push(`-${name}`));
  return seen;
}

test('thirty that come and go at once each see every other once', async () => {
  const directory = await runtimeDirectory();
  const names = Array.from({ length: 30 }, (_, i) => `p${i}`);
  const seen: string[][] = [];
  const runtimes = await Promise.all(
    names.map(async (name, at) => {
      const runtime = await join_(directory, name);
      seen[at] = watch(runtime);
      return runtime;
    }),
  );
  const others = (at: number, sign: string): string[] =>
    names.filter((_, i) => i !== at).map((name) => `${sign}${name}`);
  await until(() => seen.every((each) => each.length >= 29), 'all to see all');
  for (const [at, each] of seen.entries()) expect([...each].sort()).toEqual(others(at, '+').sort());
  for (const [at, runtime] of runtimes.entries())
    expect(
      runtime
        .peers()
        .map(({ name }) => `+${name}`)
        .sort(),
    ).toEqual(others(at, '+').sort());
  const [stays, ...leave] = runtimes as [Runtime, ...Runtime[]];
  await Promise.all(leave.map((runtime) => runtime.close()));
  await until(() => (seen[0] as string[]).length >= 58, 'all to be seen leaving');
  expect([...(seen[0] as string[])].slice(29).sort()).toEqual(others(0, '-').sort());
  expect(stays.peers()).toEqual([]);
  await stays.close();
  expect(await filesIn(directory)).toEqual([]);
});

test('a stopped process is there, also for those who join meanwhile; a killed one is not', async () => {
  const directory = await runtimeDirectory();
  const runtime = await join_(directory, 'a');
  const seen = watch(runtime);
  const child = await Child.joined({ directory, namespace: 'n', name: 'child' });
  await until(() => seen.includes('+child'), 'the child to be seen');
  child.signal('SIGSTOP');
  const late = await join_(directory, 'late');
  expect(
    late
      .peers()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(['a', 'child']);
  expect((await rejection(join_(directory, 'child'))).code).toBe('ERR_IN_USE');
  await late.close();
  await until(() => seen.includes('-late'), 'the late one to go');
  expect(seen).toEqual(['+child', '+late', '-late']);
  child.signal('SIGKILL');
  await until(() => seen.includes('-child'), 'the child to be missed');
  expect(runtime.peers()).toEqual([]);
  await runtime.close();
});

/** A registry alone, without a runtime, and what it reports. */
async function registry(directory: string, name: string) {
  const paths = await prepareNamespace(directory, 'n');
  const incarnation = newIncarnation();
  const events: string[] = [];
  const changed: string[] = [];
  const own = new DirectoryRegistry(
    paths,
    { name, incarnation, pid: process.pid, ports: {} },
    {
      peerUp: (peer) => void events.push(`+${peer.name}`),
      peerDown: (peer) => void events.push(`-${peer.name}`),
      hostChanged: (mailbox) => void changed.push(mailbox),
      warn: (error) => void events.push((error as PigeonholeError).code),
    },
  );
  await own.appear();
  await own.join();
  const cut = (): void => {
    const { all } = (own as unknown as { presence: { all: Set<Socket> } }).presence;
    for (const socket of all) socket.destroy();
  };
  return { own, events, changed, cut, record: paths.record(incarnation) };
}

test('a peer whom this process cannot ask is not dead, and keeps its files', async () => {
  const directory = await runtimeDirectory();
  const a = await registry(directory, 'a');
  const b = await registry(directory, 'b');
  await until(() => a.events.includes('+b'), 'the two to meet');
  broken.by = new PigeonholeError('ERR_OS_LIMIT', 'no file descriptor is left');
  a.cut();
  await until(() => a.events.includes('ERR_OS_LIMIT') && b.events.includes('ERR_OS_LIMIT'), 'the trouble');
  expect([a.own.find('b')?.name, b.own.find('a')?.name]).toEqual(['b', 'a']);
  broken.by = null;
  await b.own.claim('m', 'uds');
  await until(async () => (await a.own.locate('m')) !== null, 'the two to talk again');
  expect([...a.events, ...b.events].filter((event) => event !== 'ERR_OS_LIMIT')).toEqual(['+b', '+a']);
  expect([existsSync(a.record), existsSync(b.record)]).toEqual([true, true]);
  await b.own.leave();
  await until(() => a.events.includes('-b'), 'b to leave');
  await a.own.leave();
});

test('a newcomer hears of a mailbox that is hosted while it is being identified', async () => {
  const directory = await runtimeDirectory();
  const a = await registry(directory, 'a');
  let goOn = (): void => {};
  slow.except = a.record;
  slow.until = new Promise((resolve) => {
    goOn = resolve;
  });
  const b = await registry(directory, 'b');
  await until(() => slow.reading === 1, 'a to read who the newcomer is');
  await a.own.claim('m', 'uds');
  slow.until = null;
  goOn();
  await until(() => a.events.includes('+b'), 'the two to meet');
  await until(() => b.changed.includes('m'), 'the newcomer to hear of the mailbox');
  await Promise.all([a.own.leave(), b.own.leave()]);
});

test('a connection that is cut is made again, without a word to anybody', async () => {
  const directory = await runtimeDirectory();
  const a = await registry(directory, 'a');
  const b = await registry(directory, 'b');
  await until(() => a.events.includes('+b'), 'the two to meet');
  for (let i = 0; i < 10; i++) (i % 2 === 0 ? a : b).cut();
  await b.own.leave();
  await until(() => a.events.includes('-b'), 'b to leave');
  expect([a.events, b.events]).toEqual([['+b', '-b'], ['+a']]);
  await a.own.leave();
});

test('a peer that answers and hangs up is there, and is not asked without pause', async () => {
  const directory = await runtimeDirectory();
  const a = await registry(directory, 'a');
  const paths = await prepareNamespace(directory, 'n');
  const incarnation = newIncarnation();
  const path = paths.presence(incarnation);
  let asked = 0;
  const listener = await listenUnix(path, paths.staging(path), (socket) => {
    asked++;
    socket.destroy();
  });
  const exhausted = { name: 'b', incarnation, pid: process.pid, ports: {} };
  await writeFile(paths.record(incarnation), JSON.stringify(exhausted));
  expect(await a.own.identify(incarnation)).toEqual(exhausted);
  await until(() => asked >= 2, 'the second question');
  const since = performance.now();
  const before = asked;
  for (let turns = 0; turns < 2000; turns++) await new Promise(setImmediate);
  expect(asked - before).toBeLessThanOrEqual(2 + (performance.now() - since) / 50);
  expect(a.events).toEqual(['+b']);
  await listener.close();
  await until(() => a.events.includes('-b'), 'its end');
  await a.own.leave();
});

test('a socket in a directory that has just gone is told from one that is forbidden', async () => {
  const path = join(await runtimeDirectory(), 'gone', 'x.sock');
  const error = await rejection(listenUnix(path, `${path}.new`, () => {}));
  expect(error).toMatchObject({ code: 'ERR_CONFIG', cause: { code: 'ENOENT' } });
});

test('a registry that leaves waits for a release that somebody else has begun', async () => {
  const directory = await runtimeDirectory();
  const { own } = await registry(directory, 'a');
  await own.claim('m', 'uds');
  let proceed = (): void => {};
  slow.rmdir = new Promise<void>((resolve) => {
    proceed = resolve;
  });
  onTestFinished(() => {
    slow.rmdir = null;
    proceed();
  });
  const releasing = own.release('m');
  const leaving = own.leave();
  // As many steps of the file system as leaving takes, and more.
  for (let step = 0; step < 50; step++) await filesIn(directory);
  expect(await filesIn(directory)).toContain(join('n', 'peers', 'a', own.self.incarnation));
  slow.rmdir = null;
  proceed();
  await Promise.all([releasing, leaving]);
  await own.tidy();
  expect(await filesIn(directory)).toEqual([]);
});

test('the last to leave takes along what was bequeathed to one who was leaving', async () => {
  const directory = await runtimeDirectory();
  const [own, heir] = [(await registry(directory, 'a')).own, (await registry(directory, 'b')).own];
  await until(() => own.vouches(heir.self.incarnation), 'the two to meet');
  await own.claim('m', 'uds');
  await Promise.all([own.release('m', heir.self), heir.leave()]);
  for (const each of [heir, own]) {
    await each.leave();
    await each.tidy();
  }
  expect(await filesIn(directory)).toEqual([]);
});

test('the last to leave takes empty directories of claims along, one that is not the last leaves them', async () => {
  const directory = await runtimeDirectory();
  const [first, last] = [(await registry(directory, 'a')).own, (await registry(directory, 'b')).own];
  await mkdir(join(directory, 'n', 'hosts', 'm'), { recursive: true });
  for (const own of [first, last]) {
    expect(await filesIn(directory)).toContain(join('n', 'hosts', 'm'));
    await own.leave();
    await own.tidy();
  }
  expect(await filesIn(directory)).toEqual([]);
});
