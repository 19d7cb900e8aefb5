import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { compile, run } from './shm/program.js';

test('a thread that blocks on a mailbox sleeps, whatever others have done to it before', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-idle-'));
  const shared = join('/dev/shm', basename(folder));
  try {
    const program = await compile('idle', join(folder, 'idle'), ['-O1']);
    expect(await run(program, [shared])).toEqual({ code: 0, signal: null, output: 'slept\n' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(shared, { recursive: true, force: true });
  }
}, 120_000);

test('a thread that has looked in vain before it slept leaves that out, and tries again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-spinning-'));
  try {
    const program = await compile('spinning', join(folder, 'spinning'), ['-O1']);
    expect(await run(program, [])).toEqual({ code: 0, signal: null, output: 'learnt\n' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
