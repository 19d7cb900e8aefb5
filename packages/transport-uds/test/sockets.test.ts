/** What the transport leaves in the file system, for whom, how long, and how much of it. */
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createRuntime } from '@pigeonhole/core';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../../core/test/peers/watch.js';
import { honestRuntime, NAMESPACE, Scene, scratch } from './scene.js';
import { Victim } from './victim.js';

const runtimeOptions = (directory: string, name: string): object => ({
  name,
  directory,
  namespace: NAMESPACE,
});

/** `path mode` of everything below a directory, itself included. */
function modes(directory: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const path of ['', ...readdirSync(directory, { recursive: true, encoding: 'utf8' })]) {
    const stats = lstatSync(join(directory, path));
    const kind = stats.isSocket() ? 'socket' : stats.isDirectory() ? 'directory' : 'file';
    found[path] = `${kind} ${(stats.mode & 0o7777).toString(8)}`;
  }
  return found;
}

test('directories are 0700 and everything in them 0600, whatever the umask', async () => {
  const umask = process.umask(0);
  onTestFinished(() => void process.umask(umask));
  const scene = await Scene.set();
  await scene.victim.call('receiver', 'm');
  const { incarnation } = scene.target;
  const found = modes(scene.directory);
  for (const kind of Object.values(found)) expect(kind).toMatch(/^(directory 700|socket 600|file 600)$/);
  expect(found).toMatchObject({
    '': 'directory 700',
    [NAMESPACE]: 'directory 700',
    [`${NAMESPACE}/${incarnation}.uds`]: 'socket 600',
    [`${NAMESPACE}/${incarnation}.sock`]: 'socket 600',
    [`${NAMESPACE}/${incarnation}.json`]: 'file 600',
    [`${NAMESPACE}/peers/victim/${incarnation}`]: 'file 600',
    [`${NAMESPACE}/hosts/m/${incarnation}`]: 'file 600',
  });
  await scene.survived();
});

/** A directory below `parent` in which the longest socket path has `length` bytes. */
function directoryFor(parent: string, length: number): string {
  const longest = join(parent, NAMESPACE, `${'0'.repeat(16)}.sock.new`).length;
  return join(parent, 'd'.repeat(length - longest - 1));
}

test('a path of 107 bytes serves; one of 108 is ERR_PATH_TOO_LONG, with both numbers and what to do', async () => {
  const parent = scratch();
  const fits = directoryFor(parent, 107);
  const [a, b] = [await honestRuntime(fits, 'a'), await honestRuntime(fits, 'b')];
  await until(() => a.peers().length === 1 && b.peers().length === 1, 'both to know each other');
  await a.close();
  await b.close();
  const long = directoryFor(parent, 108);
  const refusal = createRuntime({
    ...{ name: 'a', directory: long, namespace: NAMESPACE, transport: 'uds' },
    ...{ logger: false, config: false },
  });
  await expect(refusal).rejects.toMatchObject({ code: 'ERR_PATH_TOO_LONG' });
  await expect(refusal).rejects.toThrow(
    /has 108 bytes and a Unix socket's path at most 107; set PIGEONHOLE_DIR/,
  );
  expect(existsSync(join(long, NAMESPACE))).toBe(false);
});

test('what a killed process left is removed by the next; what a stopped or a living one has is not', async () => {
  const directory = scratch();
  const root = join(directory, NAMESPACE);
  const incarnationOf = (name: string): string => readdirSync(join(root, 'peers', name))[0] ?? '';
  const filesOf = (incarnation: string): string[] =>
    readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => path.includes(incarnation));
  const [killed, stopped] = [
    await Victim.start(runtimeOptions(directory, 'killed')),
    await Victim.start(runtimeOptions(directory, 'stopped')),
  ];
  await killed.call('receiver', 'm');
  const [dead, halted] = [incarnationOf('killed'), incarnationOf('stopped')];
  expect(filesOf(dead)).toHaveLength(6);
  const before = filesOf(halted);
  stopped.signal('SIGSTOP');
  killed.signal('SIGKILL');
  expect(await killed.ended).toBe('SIGKILL');
  // Nobody who could clean up is awake: it is all there still, the socket included.
  expect(filesOf(dead)).toHaveLength(6);
  const next = await honestRuntime(directory, 'killed');
  await until(() => filesOf(dead).length === 0, 'what the dead one left to go');
  expect(filesOf(halted)).toEqual(before);
  expect(next.peers().map(({ name }) => name)).toEqual(['stopped']);
  stopped.signal('SIGCONT');
  await stopped.leave();
  await next.close();
  expect(readdirSync(directory)).toEqual([]);
});

test('the close of an old incarnation leaves its successor alone', async () => {
  const directory = scratch();
  const root = join(directory, NAMESPACE);
  const watcher = await honestRuntime(directory, 'watcher');
  let old = await Victim.start(runtimeOptions(directory, 'service'));
  for (let round = 0; round < 5; round++) {
    const next = await Victim.launch(runtimeOptions(directory, 'service'));
    const closed = old.leave();
    // From the moment the name is free: while the old one still removes what is its own.
    await until(
      () =>
        next.call('start').then(
          () => true,
          (error: { code: string }) => {
            expect(error.code).toBe('ERR_IN_USE');
            return false;
          },
        ),
      'the successor to have the name',
    );
    await closed;
    const [incarnation] = readdirSync(join(root, 'peers', 'service'));
    for (const suffix of ['sock', 'uds', 'json'])
      expect(existsSync(join(root, `${incarnation}.${suffix}`))).toBe(true);
    await until(
      () => watcher.peers().some((peer) => peer.incarnation === incarnation),
      'the successor to be seen',
    );
    old = next;
  }
  await old.leave();
  await watcher.close();
  expect(readdirSync(directory)).toEqual([]);
});

test('descriptors grow with processes, not with mailboxes', async () => {
  const directory = scratch();
  const [a, b] = [
    await Victim.start(runtimeOptions(directory, 'a')),
    await Victim.start(runtimeOptions(directory, 'b')),
  ];
  const descriptors = async (): Promise<number[]> => [
    (await a.usage()).descriptors,
    (await b.usage()).descriptors,
  ];
  const open = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) {
      const [host, other] = n % 2 === 0 ? [a, b] : [b, a];
      await host.call('receiver', `m${n}`);
      await other.call('sender', `m${n}`);
      await other.call('send', `m${n}`, n);
    }
  };
  await open(0, 4);
  const few = await descriptors();
  await open(4, 1000);
  expect(await descriptors()).toEqual(few);
  await a.leave();
  await b.leave();
});
