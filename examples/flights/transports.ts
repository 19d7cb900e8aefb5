/** Chooses the transport: the only file of this example that names any. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createRuntime, type Runtime } from '@pigeonhole/core';
import { spawnProcess } from '@pigeonhole/transport-pipe';
import { flights, LAUNCHER } from './messages.js';
import { UsageError } from './options.js';

/** Best first; the first that is installed and works on this machine is used. */
const PREFERENCE = ['shm', 'uds', 'tcp'];

/**
 * Joins the run's namespace over `wanted`, or over the best transport that works.
 * @throws UsageError if none does
 */
export async function join(namespace: string, wanted: string | undefined): Promise<Runtime> {
  const failures: string[] = [];
  for (const transport of wanted === undefined ? PREFERENCE : [wanted]) {
    try {
      return await createRuntime({ name: LAUNCHER, namespace, transport: settingOf(transport) });
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new UsageError(failures.join('\n'));
}

/** A name; or, with options, JSON, as in PIGEONHOLE_TRANSPORT. */
function settingOf(transport: string): string | { use: string } {
  if (!transport.startsWith('{')) return transport;
  try {
    return JSON.parse(transport) as { use: string };
  } catch (error) {
    throw new UsageError(`--transport ${transport}: ${(error as Error).message}`);
  }
}

/** Starts a script that joins the run. Pipes must be inherited; every other transport finds its way by the namespace. */
export function startProcess(script: string, args: readonly string[]): ChildProcess {
  const stdio: ['ignore', 'inherit', 'inherit'] = ['ignore', 'inherit', 'inherit'];
  if (process.env.PIGEONHOLE_TRANSPORT === 'pipe') return spawnProcess(script, { args, stdio });
  return spawn(process.execPath, [script, ...args], { stdio });
}

/** What the runtime uses, and whether it reaches other processes. */
export function describe(runtime: Runtime): { transport: string; crossProcess: boolean } {
  const { transport, capabilities } = runtime.explain(flights);
  return { transport, crossProcess: capabilities.crossProcess };
}
