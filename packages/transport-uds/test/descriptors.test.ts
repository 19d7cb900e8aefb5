/** A process that has no file descriptor left: it says so, nobody takes it for dead, and it goes on when it has some again. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mailbox, peer } from '@pigeonhole/core';
import { expect, test } from 'vitest';
import { until } from '../../core/test/peers/watch.js';
import { honestRuntime, NAMESPACE, scratch } from './scene.js';
import { Victim } from './victim.js';

const FILES = 80;
const limited = ['prlimit', `--nofile=${FILES}`];
const victimOptions = (directory: string): object => ({ name: 'victim', directory, namespace: NAMESPACE });

test('prlimit is there to set the limit with', () => {
  expect(spawnSync('prlimit', ['--nofile=64', 'true']).status).toBe(0);
});

test('joining without a descriptor is ERR_OS_LIMIT, and leaves nothing behind', async () => {
  const directory = scratch();
  const victim = await Victim.start(victimOptions(directory), limited);
  await victim.call('close'); // so that all modules are loaded
  for (let spare = 0; ; spare++) {
    expect(await victim.call('hoard', spare)).toBe('EMFILE');
    const joined = await victim.call('start').then(
      () => 'joined',
      ({ code, message }: { code: string; message: string }) => `${code}: ${message}`,
    );
    if (spare > 0 && joined === 'joined') break;
    expect(joined).toMatch(/^ERR_OS_LIMIT: .*no file descriptor.*ulimit -n/);
    await victim.call('letGo');
    expect(readdirSync(directory)).toEqual([]);
  }
  await victim.call('letGo');
  const honest = await honestRuntime(directory);
  await honest.send(mailbox('echo'), 1);
  expect((await honest.receive(peer('victim'))).body).toBe(1);
  await victim.leave();
});

test('connecting without a descriptor is ERR_OS_LIMIT; with one, it works', async () => {
  const directory = scratch();
  const honest = await honestRuntime(directory, 'honest');
  const receiver = await honest.receiver(mailbox('theirs'));
  const victim = await Victim.start(victimOptions(directory), limited);
  await victim.call('hoard', 0);
  const refusal = await victim.call('sender', 'theirs').then(
    () => 'opened',
    ({ code, message }: { code: string; message: string }) => `${code}: ${message}`,
  );
  expect(refusal).toMatch(/^ERR_OS_LIMIT: .*no file descriptor.*ulimit -n/);
  await victim.call('letGo');
  await victim.call('sender', 'theirs');
  await victim.call('send', 'theirs', 'at last');
  expect((await receiver.receive()).body).toBe('at last');
  await victim.leave();
});

test('accepting without a descriptor costs those connections only: who knew it is served, who is new waits', async () => {
  const directory = scratch();
  const victim = await Victim.start(victimOptions(directory), limited);
  const known = await honestRuntime(directory, 'known');
  const ask = async (runtime: typeof known, body: number): Promise<unknown> => {
    await runtime.send(mailbox('echo'), body);
    return (await runtime.receive(peer('victim'))).body;
  };
  expect(await ask(known, 1)).toBe(1);
  await victim.call('hoard', 0);
  const newcomer = await honestRuntime(directory, 'newcomer');
  const asked = ask(newcomer, 2);
  for (let n = 10; n < 20; n++) expect(await ask(known, n)).toBe(n);
  await victim.call('letGo');
  expect(await asked).toBe(2);
  const events = await victim.call<{ event: string; name: string }[]>('events');
  expect(events.filter(({ event }) => event === 'peer:down')).toEqual([]);
  await until(() => newcomer.peers().length === 2 && known.peers().length === 2, 'all to know all');
  await victim.leave();
});
