/** Starts a process of the harness. */

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Spawn } from './contender.js';
import type { Job } from './control.js';

/** What every process and thread of the harness runs; its first argument is its role. */
export const entry = fileURLToPath(new URL('./child.js', import.meta.url));

const spawnNode: Spawn = (script, { args, execArgv, ...options }) =>
  spawn(process.execPath, [...execArgv, script, ...args], options);

/** `nodeOptions` may name `{role}`, which becomes the role, so that profiles of all sides can be told apart. */
export function startProcess(
  role: 'lead' | 'second',
  job: Job,
  stderr: 'pipe' | 'inherit',
  start: Spawn = spawnNode,
): ChildProcess {
  const stdio: StdioOptions = ['ignore', 'inherit', stderr, 'ipc'];
  return start(entry, {
    args: [role],
    execArgv: job.nodeOptions.map((option) => option.replaceAll('{role}', role)),
    stdio,
    serialization: role === 'second' ? job.serialization : 'json',
  });
}

/** One line or more about anything thrown. */
export function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
