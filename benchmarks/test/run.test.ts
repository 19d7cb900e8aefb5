import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseResult } from '../src/result.js';
import { caseWith, resultWith } from './results.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
let directory = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bench-test-'));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

/** The whole program, with what it puts on disk in a directory of the test. */
function bench(...flags: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, TMPDIR: directory };
    execFile(process.execPath, [main, ...flags], { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr }),
    );
  });
}

test('a run between processes and one between threads give a result, and leave nothing behind', async () => {
  const json = join(directory, 'result.json');
  const only = [
    '--only',
    'round-trip/net Unix, 64 B',
    'one-way/worker postMessage',
    'one-way/uds, 4 senders',
    'crowd/uds, 64 B',
  ];
  const { code, output } = await bench(
    ...only,
    '--rounds',
    '1',
    '--duration',
    '30',
    '--no-strace',
    '--json',
    json,
  );
  expect(output).not.toContain('FAILED');
  expect(code).toBe(0);
  const { cases, partial, warmup } = parseResult(await readFile(json, 'utf8'), json);
  expect(partial).toBe(true);
  expect(cases.map(({ name, ours }) => [name, ours])).toEqual([
    ['uds, 4 senders', true],
    ['worker postMessage', false],
    ['net Unix, 64 B', false],
    ['uds, 64 B', true],
  ]);
  expect(cases[0]?.rounds[0]?.rate).toBeGreaterThan(0);
  expect(cases[2]?.rounds[0]?.p50).toBeGreaterThan(0);
  expect(cases[3]?.rounds[0]?.rate).toBeGreaterThan(0);
  expect(cases[3]?.rounds[0]?.pairs).toBeGreaterThan(0);
  expect(warmup).toMatchObject({ least: 1_500 });
  for (const { warmUps } of cases) expect(warmUps?.[0]?.rates.length).toBeGreaterThan(0);
  expect((await readdir(directory)).filter((name) => name.startsWith('phb-'))).toEqual([]);
});

test('a regression exits with 1 and is named; the same result does not', async () => {
  const path = (name: string): string => join(directory, `${name}.json`);
  const rates = (factor: number) => [100, 101, 99].map((rate) => rate * factor);
  for (const [name, factor] of [
    ['before', 1],
    ['after', 0.5],
  ] as const) {
    const result = resultWith([caseWith('one-way', 'shm', 'rate', rates(factor), true)]);
    await writeFile(path(name), JSON.stringify(result));
  }
  const worse = await bench('--render', path('after'), '--compare', path('before'));
  expect(worse.output).toContain('SLOWER one-way/shm: cost +100 %');
  expect(worse.code).toBe(1);
  const same = await bench('--render', path('before'), '--compare', path('before'));
  expect(same.output).toContain('no regression beyond the noise');
  expect(same.code).toBe(0);
});

test('the documents are not written from a part of a run', async () => {
  const { code, output } = await bench('--quick', '--update-docs');
  expect(output).toContain('leave out --quick and --only');
  expect(code).toBe(1);
});
