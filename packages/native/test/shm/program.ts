import { spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const source = fileURLToPath(new URL('../../src/shm/', import.meta.url));

export interface Ended {
  /** Exit code; null if a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  /** What it wrote, to either stream. */
  output: string;
}

/** Runs a program to its end; kills it after `watchdogMs`, which is no expectation. */
export function run(path: string, args: string[], watchdogMs = 120_000): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const watchdog = setTimeout(() => child.kill('SIGKILL'), watchdogMs);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(watchdog);
      resolve({ code, signal, output });
    });
  });
}

/**
 * Compiles `test/shm/<program>.cc` with the queue's sources, the addon's warnings being errors here too. In one piece: nearly all
 * that the compiler does is to read the headers, which it then does once.
 */
export async function compile(program: string, path: string, flags: string[]): Promise<string> {
  const queue = readdirSync(source).filter((name) => name.endsWith('.cc'));
  const files = [`${here}${program}.cc`, ...queue.map((name) => source + name)];
  const whole = `${path}.cc`;
  writeFileSync(whole, files.map((file) => `#include ${JSON.stringify(file)}\n`).join(''));
  const common = ['-std=c++17', '-g', '-Wall', '-Wextra', '-Werror', '-pthread'];
  const { code, output } = await run('g++', [...common, ...flags, whole, '-o', path], 400_000);
  if (code !== 0) throw new Error(`g++ ${flags.join(' ')} ${program}.cc: ${output}`);
  return path;
}
