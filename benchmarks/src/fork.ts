/** Starts a process of the harness. */

import { type ChildProcess, fork, type StdioOptions } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Job } from './control.js';

const entry = fileURLToPath(new URL('./child.js', import.meta.url));

/** `nodeOptions` may name `{role}`, which becomes the role, so that profiles of both sides can be told apart. */
export function startProcess(role: 'lead' | 'second', job: Job, stderr: 'pipe' | 'inherit'): ChildProcess {
  const stdio: StdioOptions = ['ignore', 'inherit', stderr, 'ipc'];
  return fork(entry, [role], {
    stdio,
    serialization: role === 'second' ? job.serialization : 'json',
    execArgv: job.nodeOptions.map((option) => option.replaceAll('{role}', role)),
  });
}

/** One line or more about anything thrown. */
export function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
