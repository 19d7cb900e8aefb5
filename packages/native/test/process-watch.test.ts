import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { FileLock, watchProcess } from '@pigeonhole/native';
import { expect, test } from 'vitest';
import { scratch } from './scratch.js';

const sleeper = () => spawn('sleep', ['600'], { stdio: 'ignore' });

function ended(pid: number, isAlive: () => boolean): Promise<void> {
  return new Promise((resolve) => watchProcess(pid, isAlive, resolve));
}

test('the end of a process is reported, once', async () => {
  const child = sleeper();
  let ends = 0;
  const end = new Promise<void>((resolve) => {
    watchProcess(
      child.pid!,
      () => true,
      () => {
        ends++;
        resolve();
      },
    );
  });
  child.kill('SIGSTOP');
  await new Promise(setImmediate);
  expect(ends).toBe(0); // a stopped process is not dead
  child.kill('SIGKILL');
  await end;
  await new Promise(setImmediate);
  expect(ends).toBe(1);
});

test('a process that has gone already is reported in a later turn', async () => {
  const child = sleeper();
  child.kill('SIGKILL');
  await once(child, 'exit');
  let during = true;
  const end = new Promise<boolean>((resolve) => {
    watchProcess(
      child.pid!,
      () => true,
      () => resolve(during),
    );
  });
  during = false;
  expect(await end).toBe(false);
});

test('another process under the same number is not taken for the one that was meant', async () => {
  const child = sleeper();
  await ended(child.pid!, () => false);
  child.kill('SIGKILL');
});

test('without a pidfd, the lock that the process holds tells', async () => {
  const path = scratch();
  const held = new FileLock(path, { create: true });
  const probe = new FileLock(path);
  held.tryLock(0, 1);
  // No process can have this number (pid_max is below it): the kernel refuses it for another reason than absence.
  const end = ended(-1, () => probe.isHeldByAnother(0, 1));
  held.close();
  await end;
  probe.close();
});

test('nothing is reported after close', async () => {
  const child = sleeper();
  const watch = watchProcess(
    child.pid!,
    () => false,
    () => expect.unreachable(),
  );
  watch.close();
  watch.close();
  child.kill('SIGKILL');
  await once(child, 'exit');
  await new Promise(setImmediate);
});
