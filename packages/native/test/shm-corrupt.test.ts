import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { compile, run } from './shm/program.js';

/** All damages take a minute and a half: PIGEONHOLE_TESTS=all; else a tenth of the flips, and of each field's values each fifth. */
const all = process.env.PIGEONHOLE_TESTS === 'all';
const FLIPS = all ? 10_000 : 1000;
const EVERY = all ? 1 : 5;
const SEED = 1;

test('a damaged mailbox neither crashes nor hangs its users, nor gives them what is not whole', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-corrupt-'));
  const shared = join('/dev/shm', basename(folder));
  try {
    const sanitized = ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
    const program = await compile('corrupt', join(folder, 'corrupt'), sanitized);
    const { code, output } = await run(program, [shared, `${FLIPS}`, `${SEED}`, `${EVERY}`], 400_000);
    expect({ code, output }).toEqual({
      code: 0,
      output: expect.stringMatching(/^trials \d+ unharmed [1-9]\d* corrupt [1-9]\d* other \d+\n$/),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(shared, { recursive: true, force: true });
  }
}, 600_000);
