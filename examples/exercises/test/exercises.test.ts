import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { sharedMemoryFolder } from '@pigeonhole/core/transport';
import { expect, onTestFinished, test } from 'vitest';

const COMMAND = fileURLToPath(new URL('../../dist/exercises/run.js', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly said: string[];
  readonly complained: string;
}

/** Runs it as a reader does, in a runtime directory and a namespace of the test's own, of which nothing is left. */
async function exercise(name: string): Promise<Ended> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'pge-')));
  const namespace = `e${randomBytes(4).toString('hex')}`;
  const shared = sharedMemoryFolder('/dev/shm', join(directory, namespace));
  onTestFinished(() => {
    for (const path of [directory, shared]) rmSync(path, { recursive: true, force: true });
  });
  const child = spawn(process.execPath, [COMMAND, name], {
    env: { ...process.env, PIGEONHOLE_DIR: directory, PIGEONHOLE_NAMESPACE: namespace },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGTERM'));
  const [said, complained, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  expect({ files: readdirSync(directory), shared: existsSync(shared) }).toEqual({ files: [], shared: false });
  return { code, said: said.split('\n').slice(0, -1), complained };
}

const fine = { code: 0, complained: '' };

test('pipe: the parent prints what its child sent', async () => {
  const { said, ...rest } = await exercise('pipe');
  expect(rest).toEqual(fine);
  expect(said.sort()).toEqual(['child: sending', "parent: the process 'child' says: Hello, parent."]);
});

test('message queue: by type, and in order within one', async () => {
  const { said, ...rest } = await exercise('message-queue');
  expect(rest).toEqual(fine);
  expect(said.filter((line) => line.startsWith('reader'))).toEqual([
    'reader: urgent: put out the fire',
    'reader: urgent: call a doctor',
    'reader: ordinary: sweep the floor',
    'reader: ordinary: water the plants',
  ]);
  expect(said).toContain('writer: 4 jobs are in the queue');
});

test('shared memory: a string outlives who wrote it', async () => {
  expect(await exercise('shared-memory')).toEqual({
    ...fine,
    said: [
      'writer: written',
      'main: the writer has ended; what it wrote lies in shared memory',
      "reader: 'writer' left this: written by a process that is gone",
    ],
  });
});

test('semaphores: two processes print in turn', async () => {
  expect(await exercise('semaphores')).toEqual({
    ...fine,
    said: ['ping 1', 'pong 1', 'ping 2', 'pong 2', 'ping 3', 'pong 3', 'main: 3 rounds'],
  });
});

test('echo: every client gets back its own, in order', async () => {
  const { said, ...rest } = await exercise('echo');
  expect(rest).toEqual(fine);
  for (const name of ['ann', 'ben', 'cem', 'dua', 'eve'])
    expect(said.filter((line) => line.startsWith(name))).toEqual(
      ['one', 'two', 'three'].map((word) => `${name}: back came '${word} of ${name}'`),
    );
  expect(said.at(-1)).toBe('server: 15 messages sent back');
});

test('an exercise that is not there', async () => {
  const { code, said, complained } = await exercise('telepathy');
  expect({ code, said }).toEqual({ code: 2, said: [] });
  expect(complained).toMatch(/no exercise 'telepathy'.*pipe, message-queue/);
});
