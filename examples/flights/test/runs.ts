/** Runs the example's command as a user does, in a runtime directory of the test's own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { sharedMemoryFolder } from '@pigeonhole/core/transport';
import { expect, onTestFinished } from 'vitest';
import type { Account } from '../account.js';
import type { DelayRow } from '../messages.js';

const MAIN = fileURLToPath(new URL('../../dist/flights/main.js', import.meta.url));

/** Flights in the data of vega-datasets. */
export const DEFAULT_FLIGHTS = 20_000;

interface Ranking {
  worst: (DelayRow & { mean: number })[];
  best: (DelayRow & { mean: number })[];
}

/** What `--json` prints. */
export interface Result extends Omit<Account, 'summary'> {
  setup: Record<string, string | number>;
  routes: Ranking;
  airports: Ranking;
}

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

interface Running {
  child: ChildProcess;
  ended: Promise<Ended>;
  /** Resolves when standard error has said `words`. */
  says(words: string): Promise<void>;
}

/** Starts a run; whatever of it is left when the test ends, is ended with it. */
export function startRun(directory: string, args: readonly string[], output: 'json' | 'text'): Running {
  const env = { ...process.env, PIGEONHOLE_DIR: directory };
  const flags = output === 'json' ? ['--json'] : [];
  const child = spawn(process.execPath, [MAIN, ...flags, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGTERM'));
  return {
    child,
    ended: finish(child),
    says: (words) =>
      new Promise((resolve) => {
        let said = '';
        child.stderr?.on('data', (chunk: Buffer) => {
          said += chunk.toString();
          if (said.includes(words)) resolve();
        });
      }),
  };
}

/** Carries out a run, parses its result, and looks what it has `left` behind, in the directory and in shared memory. */
export async function run(
  directory: string,
  args: readonly string[],
): Promise<{ code: number | null; stderr: string; result: Result; left: string[] }> {
  const { child, ended } = startRun(directory, args, 'json');
  const { code, stdout, stderr } = await ended;
  if (stdout === '') throw new Error(`exit code ${code}, and no result:\n${stderr}`);
  const memory = sharedMemoryFolder('/dev/shm', join(directory, `flights-${child.pid}`));
  const left = [...(await readdir(directory)), ...(existsSync(memory) ? [memory] : [])];
  return { code, stderr, result: JSON.parse(stdout) as Result, left };
}

/** Nobody died: all flights are counted, once, and the result is that of one process. */
export function expectEqual(result: Result, flights: number): void {
  expectAccounted(result, flights);
  expect(result).toMatchObject({ accepted: flights, counted: flights, complete: true, lost: [], down: [] });
}

/** Each flight is counted once or reported lost, and what was counted is added up right. */
export function expectAccounted(result: Result, flights: number): void {
  expect(result).toMatchObject({ attempted: flights, equal: true, ok: true, duplicates: [], unexpected: 0 });
  expect(result.counted + result.lost.length).toBe(flights);
  expect(result.accepted + result.unknown + result.rejected).toBe(flights);
  expect(new Set(result.lost).size).toBe(result.lost.length);
  expect(result.lost.every((seq) => seq >= 1 && seq <= flights)).toBe(true);
  const delivered = Object.values(result.byEnricher).reduce((sum, count) => sum + count, 0);
  expect(delivered).toBe(result.counted);
}

async function finish(child: ChildProcess): Promise<Ended> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('the streams of the run are not piped');
  const [said, complained, [code]] = await Promise.all([text(stdout), text(stderr), once(child, 'close')]);
  return { code: code as number | null, stdout: said, stderr: complained };
}
