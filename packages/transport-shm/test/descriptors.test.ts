/** A process that has no file descriptor left goes on with the mailboxes that it has open: what it needs for a moment, it has in reserve. */
import { spawnSync } from 'node:child_process';
import { createRuntime, mailbox, type Runtime } from '@pigeonhole/core';
import { expect, onTestFinished, test } from 'vitest';
import { Victim } from '../../transport-uds/test/victim.js';
import { ownPlace } from './place.js';

const FILES = 80;

/** A runtime of this process, and what starts one in a process that may have few descriptors. */
async function place(): Promise<{ honest: Runtime; start: (name: string) => Promise<Victim> }> {
  const { setup } = ownPlace();
  const honest = await createRuntime({ name: 'honest', ...setup });
  onTestFinished(async () => void (await honest.close()));
  return { honest, start: (name) => Victim.start({ ...setup, name }, ['prlimit', `--nofile=${FILES}`]) };
}

const MEETING = { capacity: 0 } as const;

test('it is met by a sender whose memory it has not mapped yet', async () => {
  const { honest, start } = await place();
  const victim = await start('victim');
  await victim.call('receiver', 'in', MEETING);
  const sender = await honest.sender(mailbox<number>('in', MEETING));
  expect(await victim.call('hoard', 0)).toBe('EMFILE');
  const received = victim.call<{ body: number }>('receive', 'in');
  await sender.send(1);
  expect((await received).body).toBe(1);
  await victim.call('letGo');
  await victim.leave();
});

test('it wakes who sleeps, one after the other', async () => {
  const { honest, start } = await place();
  const [victim, third] = [await start('victim'), await start('third')];
  for (const name of ['one', 'two']) await victim.call('sender', name, {});
  const one = await honest.receiver(mailbox<number>('one', {}));
  await third.call('receiver', 'two', {});
  expect(await victim.call('hoard', 0)).toBe('EMFILE');
  for (let round = 0; round < 3; round++) {
    const both = [one.receive(), third.call<{ body: number }>('receive', 'two')] as const;
    await Promise.all(['one', 'two'].map((name) => victim.call('send', name, round)));
    for (const received of both) expect((await received).body).toBe(round);
  }
  await victim.call('letGo');
  for (const each of [victim, third]) await each.leave();
});

test('its messages find room when they need more memory', async () => {
  const { honest, start } = await place();
  const victim = await start('victim');
  await victim.call('sender', 'out', { capacity: 'unbounded' });
  const receiver = await honest.receiver(mailbox<string>('out', { capacity: 'unbounded' }));
  expect(await victim.call('hoard', 0)).toBe('EMFILE');
  const body = 'x'.repeat(100_000);
  for (let round = 0; round < 30; round++) await victim.call('send', 'out', body);
  for (let round = 0; round < 30; round++) expect((await receiver.receive()).body).toBe(body);
  await victim.call('letGo');
  await victim.leave();
});

/** The reserve is of no use either while not even its number may be given out. */
function limit(victim: Victim, files: number): void {
  const { status } = spawnSync('prlimit', ['--pid', `${victim.child.pid}`, `--nofile=${files}:${FILES}`]);
  expect(status).toBe(0);
}

test('a receive that has not even the reserve has taken nothing', async () => {
  const { honest, start } = await place();
  const victim = await start('victim');
  await victim.call('receiver', 'in', {});
  const sender = await honest.sender(mailbox<string>('in', {}));
  await sender.sendMany(['one', 'two']);
  limit(victim, 3);
  for (const verb of ['receive', 'tryReceive', 'receiveMany'])
    await expect(victim.call(verb, 'in')).rejects.toMatchObject({ code: 'ERR_OS_LIMIT' });
  limit(victim, FILES);
  for (const body of ['one', 'two']) expect(await victim.call('receive', 'in')).toMatchObject({ body });
  // The reserve is back.
  expect(await victim.call('hoard', 0)).toBe('EMFILE');
  for (const verb of ['receiver', 'sender']) await victim.call(verb, 'new', MEETING);
  const met = victim.call<{ body: number }>('receive', 'new');
  await victim.call('send', 'new', 1);
  expect((await met).body).toBe(1);
  await victim.leave();
});
