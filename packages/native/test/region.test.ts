import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FUTEX_SLICE, futexWait, futexWake, mapRegion } from '@pigeonhole/native';
import { expect, test } from 'vitest';
import { scratch } from './scratch.js';

const ADDITIONS = 10_000_000;

function start(script: string, ...args: string[]) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
}

test('two mappings of one file are one memory', () => {
  const path = scratch();
  const one = new Int32Array(mapRegion(path, { length: 8192, create: true }));
  const fd = openSync(path, 'r+');
  const other = new Int32Array(mapRegion(fd, { length: 4096, offset: 4096 }));
  closeSync(fd);
  Atomics.store(other, 3, 42);
  expect(Atomics.load(one, 1024 + 3)).toBe(42);
  expect(statSync(path)).toMatchObject({ size: 8192, mode: 0o100600 });
  expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(8192); // no hole that a full disk could make a SIGBUS of
});

test('Atomics on a mapping are atomic between processes', async () => {
  const path = scratch();
  const words = new Int32Array(mapRegion(path, { length: 4096, create: true }));
  const children = [0, 1].map(() => start('count-up.mjs', path, `${ADDITIONS}`));
  const codes = await Promise.all(children.map((child) => once(child, 'exit')));
  expect(codes).toEqual([
    [0, null],
    [0, null],
  ]);
  expect(Atomics.load(words, 1)).toBe(2 * ADDITIONS);
  expect(Atomics.load(words, 0)).toBe(2); // both were counting at once
});

test('a mapping goes when its last view is collected', async () => {
  const { code } = await new Promise<{ code: number | null }>((resolve) => {
    const path = fileURLToPath(new URL('collect.mjs', import.meta.url));
    const child = spawn(process.execPath, ['--expose-gc', path, scratch()], { stdio: 'inherit' });
    child.once('exit', (status) => resolve({ code: status }));
  });
  expect(code).toBe(0);
});

test('what cannot be mapped is refused, by name and number', () => {
  const path = scratch();
  expect(() => mapRegion(path, { length: 4096 })).toThrow(
    expect.objectContaining({ address: path, message: expect.stringContaining('ENOENT') }),
  );
  writeFileSync(path, 'short');
  expect(() => mapRegion(path, { length: 4096 })).toThrow(expect.objectContaining({ code: 'ERR_CORRUPT' }));
  for (const options of [{ length: 0 }, { length: 1.5 }, { length: 10, offset: -1 }, { length: Number.NaN }])
    expect(() => mapRegion(path, options)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }));
  expect(() => mapRegion(path, { length: 4096, offset: 7, create: true })).toThrow(
    expect.objectContaining({ code: 'ERR_TRANSPORT', errno: -22 }),
  );
});

test('a full file system is ERR_NO_SPACE, not a SIGBUS at the first store', () => {
  // The largest file that any file system of Linux takes is less than this.
  expect(() => mapRegion('/dev/full', { length: 4096, create: true })).toThrow(
    expect.objectContaining({ name: 'PigeonholeError' }),
  );
  expect(() => mapRegion(scratch(), { length: 2 ** 52, create: true })).toThrow(
    expect.objectContaining({ code: 'ERR_NO_SPACE' }),
  );
});

test('a futex: changed, timed out, woken by another process', async () => {
  const path = scratch();
  const words = new Int32Array(mapRegion(path, { length: 4096, create: true }));
  expect(futexWait(words, 0, 1)).toBe('changed');
  expect(futexWait(words, 0, 0, 5)).toBe('timed-out');
  expect(futexWait(words, 0, 0, 0)).toBe('timed-out');
  expect(futexWait(words, 0, 0, -1)).toBe('timed-out');
  expect(() => futexWait(words, 0, 0, Number.NaN)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }));
  const began = performance.now();
  expect(futexWait(words, 0, 0, 2.2 * FUTEX_SLICE)).toBe('timed-out');
  expect(performance.now() - began).toBeGreaterThanOrEqual(2.2 * FUTEX_SLICE - 1);
  expect(futexWake(words, 0)).toBe(0);

  const child = start('wait-for-word.mjs', path);
  const exit = once(child, 'exit');
  while (Atomics.load(words, 1) === 0) await new Promise(setImmediate); // it waits, or is about to
  Atomics.store(words, 0, 1);
  futexWake(words, 0);
  expect(await exit).toEqual([0, null]);
});

test('a futex outside of its view, or of another type, is refused', () => {
  const words = new Int32Array(mapRegion(scratch(), { length: 4096, create: true }));
  expect(() => futexWake(words, 1024)).toThrow(RangeError);
  expect(() => futexWake(words, -1)).toThrow(RangeError);
  expect(() => futexWait(new Uint8Array(4) as unknown as Int32Array, 0, 0)).toThrow(TypeError);
});
