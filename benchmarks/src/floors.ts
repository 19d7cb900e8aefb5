/** Compiles the C programs of `floors/`, each once a run. */

import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const sources = fileURLToPath(new URL('../floors/', import.meta.url));
const run = promisify(execFile);

/** Whether there is a C compiler. */
export function compilerExists(): boolean {
  return spawnSync('cc', ['--version'], { stdio: 'ignore' }).status === 0;
}

/** The path of that program, compiled into the run's directory if it is not there yet. */
export async function compiled(program: string, root: string): Promise<string> {
  const path = join(root, `floor-${program}`);
  if (existsSync(path)) return path;
  const made = `${path}.${process.pid}`;
  await run('cc', ['-O2', '-std=gnu11', '-pthread', '-o', made, join(sources, `${program}.c`), '-lrt']);
  await rename(made, path);
  return path;
}
