import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FileLock } from '@pigeonhole/native';
import { expect, test } from 'vitest';
import { scratch } from './scratch.js';

/** A process that holds bytes 0 to 9 of the file. */
async function holder(path: string): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('hold-lock.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout!, 'data');
  return child;
}

test('ranges exclude one another between openings of one process', () => {
  const path = scratch();
  const one = new FileLock(path, { create: true });
  const other = new FileLock(path);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(one.tryLock(0, 10)).toBe(true);
  expect(one.tryLock(0, 10)).toBe(true); // its own is no obstacle
  expect(other.tryLock(9, 5)).toBe(false);
  expect(other.isHeldByAnother(0, 1)).toBe(true);
  expect(one.isHeldByAnother(0, 1)).toBe(false);
  expect(other.tryLock(10, 5)).toBe(true);
  one.unlock(5, 5);
  expect(other.tryLock(5, 5)).toBe(true);
  other.close();
  other.close();
  expect(one.tryLock(0, 15)).toBe(true);
  one.close();
});

test('shared locks admit one another and keep others out', () => {
  const path = scratch();
  const [a, b, c] = [0, 1, 2].map(() => new FileLock(path, { create: true }));
  expect(a!.tryLock(0, 1, { shared: true })).toBe(true);
  expect(b!.tryLock(0, 1, { shared: true })).toBe(true);
  expect(c!.tryLock(0, 1)).toBe(false);
  expect(c!.isHeldByAnother(0, 1)).toBe(true);
  for (const lock of [a, b, c]) lock!.close();
});

test('the kernel drops the locks of a killed process, and only then', async () => {
  const path = scratch();
  const lock = new FileLock(path, { create: true });
  const child = await holder(path);
  expect(lock.tryLock(0, 1)).toBe(false);
  child.kill('SIGSTOP');
  expect(lock.isHeldByAnother(3, 1)).toBe(true);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(lock.tryLock(0, 10)).toBe(true);
  lock.close();
});

test('a closed lock and a missing file are errors', () => {
  const path = scratch();
  expect(() => new FileLock(path)).toThrow(expect.objectContaining({ code: 'ERR_PEER_DOWN', errno: -2 }));
  const lock = new FileLock(path, { create: true });
  lock.close();
  expect(() => lock.tryLock(0, 1)).toThrow(expect.objectContaining({ code: 'ERR_TRANSPORT', errno: -9 }));
  const open = new FileLock(path);
  expect(() => open.tryLock(-1, 1)).toThrow(expect.objectContaining({ errno: -22 }));
  open.close();
});
