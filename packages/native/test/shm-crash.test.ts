import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { compile, run } from './shm/program.js';

test('a process may be killed at any of its writes to shared memory', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-crash-'));
  const shared = join('/dev/shm', basename(folder));
  try {
    const program = await compile('crash', join(folder, 'crash'), ['-O1', '-DPIGEONHOLE_CRASH_AT']);
    const { code, output } = await run(program, [shared]);
    expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/^(.*: \d+ writes\n)+$/) });
    expect(existsSync(shared)).toBe(false);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(shared, { recursive: true, force: true });
  }
}, 300_000);
