import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { compile, run } from './shm/program.js';

/**
 * How many random flips, and which of each field's hostile values, each how-many-th. All take a minute and a half:
 * PIGEONHOLE_TESTS=all. `-O0` saves the compiler more than these few trials take longer.
 */
const amounts: Record<string, { flips: number; every: number; optimize: string }> = {
  all: { flips: 10_000, every: 1, optimize: '-O1' },
  proofs: { flips: 1000, every: 5, optimize: '-O1' },
};
const few = { flips: 300, every: 20, optimize: '-O0' };
const { flips, every, optimize } = amounts[process.env.PIGEONHOLE_TESTS ?? ''] ?? few;
const SEED = 1;

test('a damaged mailbox neither crashes nor hangs its users, nor gives them what is not whole', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-corrupt-'));
  const shared = join('/dev/shm', basename(folder));
  try {
    const sanitized = [optimize, '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
    const program = await compile('corrupt', join(folder, 'corrupt'), sanitized);
    const { code, output } = await run(program, [shared, `${flips}`, `${SEED}`, `${every}`], 400_000);
    expect({ code, output }).toEqual({
      code: 0,
      output: expect.stringMatching(/^trials \d+ unharmed [1-9]\d* corrupt [1-9]\d* other \d+\n$/),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(shared, { recursive: true, force: true });
  }
}, 600_000);
