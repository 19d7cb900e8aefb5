/** What the tests of the mechanism share: a directory of its own, runtimes in it, and other processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRuntime, type Runtime, type RuntimeOptions } from '@pigeonhole/core';
import { onTestFinished } from 'vitest';
import type { MqueueOptions } from '../dist/index.js';
import { discard } from './discard.js';

export const NAMESPACE = 'queues';
export const peerScript = fileURLToPath(new URL('peer.mjs', import.meta.url));

/** A directory that goes after the test, with the queues of the namespace in it. */
export function scratch(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'pq-')));
  onTestFinished(() => {
    discard(join(directory, NAMESPACE), true);
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

export async function runtimeIn(
  directory: string,
  options: MqueueOptions = {},
  name = 'own',
  more: RuntimeOptions = {},
): Promise<Runtime> {
  const runtime = await createRuntime({
    ...{ name, directory, namespace: NAMESPACE, logger: false, config: false },
    transport: { use: 'mqueue', ...options },
    ...more,
  });
  onTestFinished(async () => void (await runtime.close({ deadline: 0 })));
  return runtime;
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** Another process (`peer.mjs`), once it is ready. */
export async function peerIn(directory: string, options: MqueueOptions, name: string): Promise<ChildProcess> {
  const args = [peerScript, JSON.stringify(options), directory, NAMESPACE, name];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended(child);
  });
  await once(child, 'message');
  return child;
}

export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}
