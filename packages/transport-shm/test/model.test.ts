// The models in ../model, searched in whole by Spin (https://spinroot.com), where that is installed. PIGEONHOLE_TESTS=all adds
// larger searches: minutes, and a gigabyte of memory.
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
const spin = await runFile('spin', ['-V']).then(
  () => true,
  () => false,
);
const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-model-'));
let searches = 0;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * What the verifier says; it stops at the first error. `optimize` as the search is long: to compile the verifier takes seconds, and
 * more than that to find an error that it comes upon at once.
 */
async function search(model: string, options: readonly string[], optimize: '-O0' | '-O1'): Promise<string> {
  const cwd = mkdtempSync(join(folder, `${++searches}-`));
  const program = join(cwd, 'pan');
  await runFile('spin', ['-a', ...options.map((option) => `-D${option}`), `${models}${model}.pml`], { cwd });
  await runFile('gcc', [optimize, '-w', '-DSAFETY', '-DCOLLAPSE', '-DMEMLIM=3000', 'pan.c', '-o', program], {
    cwd,
  });
  const { stdout } = await runFile(program, ['-m100000'], { cwd, maxBuffer: 1 << 26 });
  return stdout;
}

const sound: [string, ...string[]][] = [
  ['wake'],
  ['ledger', 'IMPATIENT'],
  ['ledger', 'MESSAGES=1', 'VICTIM=0'],
  ['ledger', 'MESSAGES=1', 'VICTIM=2'],
];
if (all) sound.push(['wake', 'CHOOSY'], ['wake', 'DECLINES=true'], ['wake', 'VICTIM=0', 'THREADS=1']);

describe.runIf(spin)('the models', () => {
  test.each(sound)(
    '%s %s %s %s: no error in any order of steps',
    async (model, ...options) => {
      const said = await search(model, options, '-O1');
      expect(said).toMatch(/errors: 0$/m);
      expect(said).not.toMatch(/Search not completed|search depth too small/);
    },
    all ? 1_800_000 : 300_000,
  );

  test.each([
    ['wake', 'BUG'],
    ['wake', 'BUG=2'],
    ['wake', 'BUG=3', 'VICTIM=0'],
    ['wake', 'BUG=4', 'DECLINES=true'],
    ['wake', 'BUG=5'],
    ['ledger', 'BUG', 'IMPATIENT'],
    ['ledger', 'BUG=2'],
    ['ledger', 'BUG=3', 'MESSAGES=1', 'VICTIM=2'],
    ['ledger', 'BUG=4', 'MESSAGES=1', 'VICTIM=2'],
    ['ledger', 'BUG=5'],
    ['ledger', 'BUG=6', 'RECEIVERS=2'],
    ['ledger', 'BUG=7', 'VICTIM=0'],
  ])(
    '%s %s %s %s: the deliberate error is found',
    async (model, ...options) => {
      expect(await search(model, options, '-O0')).toMatch(/assertion violated/);
    },
    300_000,
  );
});
