// The models in ../model, searched in whole by Spin (https://spinroot.com), where that is installed. `npm test` makes the smaller
// searches and finds one deliberate error in each model, `npm run test:proofs` makes all; PIGEONHOLE_TESTS=all adds larger
// ones: minutes, and a gigabyte of memory.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';

const runFile = promisify(execFile);
const models = fileURLToPath(new URL('../model/', import.meta.url));
const all = process.env.PIGEONHOLE_TESTS === 'all';
const proofs = all || process.env.PIGEONHOLE_TESTS === 'proofs';
const spin = await runFile('spin', ['-V']).then(
  () => true,
  () => false,
);
const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-model-'));
let searches = 0;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * What the verifier says; it stops at the first error. It is not optimized: that takes the compiler four seconds, which only a
 * search of minutes wins back.
 */
async function search(model: string, ...options: readonly string[]): Promise<string> {
  const cwd = mkdtempSync(join(folder, `${++searches}-`));
  const program = join(cwd, 'pan');
  await runFile('spin', ['-a', ...options.map((option) => `-D${option}`), `${models}${model}.pml`], { cwd });
  const flags = [all ? '-O1' : '-O0', '-w', '-DSAFETY', '-DCOLLAPSE', '-DMEMLIM=3000'];
  await runFile('gcc', [...flags, 'pan.c', '-o', program], { cwd });
  const { stdout } = await runFile(program, ['-m100000'], { cwd, maxBuffer: 1 << 26 });
  return stdout;
}

const sound: [string, ...string[]][] = [['wake'], ['ledger', 'MESSAGES=1', 'VICTIM=2']];
if (proofs)
  sound.push(
    ['ledger', 'IMPATIENT'],
    ['ledger', 'MESSAGES=1', 'VICTIM=0'],
    // Nobody dies.
    ['ledger', 'MESSAGES=3', 'SENT=3', 'VICTIM=5'],
  );
if (all)
  sound.push(
    ['wake', 'CHOOSY'],
    ['wake', 'DECLINES=true'],
    ['wake', 'VICTIM=0', 'THREADS=1'],
    ['ledger', 'MESSAGES=3', 'SENT=3', 'VICTIM=0'],
    ['ledger', 'MESSAGES=3', 'SENT=3', 'VICTIM=2'],
  );

const wrong: [string, ...string[]][] = [
  ['wake', 'BUG'],
  ['ledger', 'BUG=2'],
];
if (proofs)
  wrong.push(
    ['wake', 'BUG=2'],
    ['wake', 'BUG=3', 'VICTIM=0'],
    ['wake', 'BUG=4', 'DECLINES=true'],
    ['wake', 'BUG=5'],
    ['ledger', 'BUG', 'IMPATIENT'],
    ['ledger', 'BUG=3', 'MESSAGES=1', 'VICTIM=2'],
    ['ledger', 'BUG=4', 'MESSAGES=1', 'VICTIM=2'],
    ['ledger', 'BUG=5'],
    ['ledger', 'BUG=6', 'RECEIVERS=2'],
    ['ledger', 'BUG=7', 'VICTIM=0'],
    ['ledger', 'BUG=8', 'MESSAGES=3', 'SENT=3'],
    ['ledger', 'BUG=9'],
  );

describe.runIf(spin)('the models', () => {
  test.each(sound)(
    '%s %s %s %s: no error in any order of steps',
    async (model, ...options) => {
      const said = await search(model, ...options);
      expect(said).toMatch(/errors: 0$/m);
      expect(said).not.toMatch(/Search not completed|search depth too small/);
    },
    all ? 1_800_000 : 300_000,
  );

  test.each(wrong)(
    '%s %s %s %s: the deliberate error is found',
    async (model, ...options) => {
      expect(await search(model, ...options)).toMatch(/assertion violated/);
    },
    300_000,
  );
});
