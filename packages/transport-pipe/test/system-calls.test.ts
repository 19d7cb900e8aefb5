/** What the kernel sees of it, by strace(1). */
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { scratch } from './family.js';

const works = spawnSync('strace', ['-f', '-e', 'trace=none', 'true']).status === 0;

test.runIf(works)('links are pipes made by pipe2, and what one turn sends leaves in few calls', async () => {
  const directory = scratch();
  const log = join(directory, 'log');
  const program = fileURLToPath(new URL('stream.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)('strace', [
    ...[
      '-f',
      '-qq',
      '-y',
      '-e',
      'trace=pipe2,socketpair,write,writev',
      '-e',
      'signal=none',
      '-s',
      '16',
      '-o',
      log,
    ],
    ...['--', process.execPath, program, join(directory, 'run')],
  ]);
  const [, inodes = '', messages = '0'] = /^(.*) (\d+)\n$/.exec(stdout) ?? [];
  const lines = readFileSync(log, 'utf8').split('\n');
  const made = lines.filter((line) => / pipe2\(\[\d+<pipe:/.test(line) && line.includes('O_CLOEXEC'));
  for (const inode of inodes.split(','))
    expect(
      made.filter((line) => line.includes(inode)),
      `pipe2 of ${inode}`,
    ).toHaveLength(1);
  // The pipe that carries the messages, by its inode.
  const [, up = ''] = inodes.split(',');
  const writes = lines.filter((line) => /writev?\(/.test(line) && line.includes(`<${up}>`));
  expect(writes.length).toBeGreaterThan(0);
  expect(writes.length).toBeLessThan(Number(messages) / 10);
});
