/** A namespace of one test, with runtimes in this process. */
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, type Runtime, type RuntimeOptions } from '@pigeonhole/core';
import { onTestFinished } from 'vitest';

export const NAMESPACE = 'ns';

/** A new directory, removed when the test has finished. */
export function scratch(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'ph-')));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function settings(directory: string, name: string, transport: unknown = 'udp'): RuntimeOptions {
  return { name, directory, namespace: NAMESPACE, logger: false, config: false, transport } as RuntimeOptions;
}

export async function joined(directory: string, name: string, transport: unknown = 'udp'): Promise<Runtime> {
  const runtime = await createRuntime(settings(directory, name, transport));
  onTestFinished(async () => void (await runtime.close()));
  return runtime;
}

/** What a process says of itself in the runtime directory. */
export interface Published {
  readonly name: string;
  readonly incarnation: string;
  readonly ports: { readonly udp: string };
}

export function published(directory: string, name: string): Published {
  const root = join(directory, NAMESPACE);
  for (const file of readdirSync(root).filter((entry) => entry.endsWith('.json'))) {
    const record = JSON.parse(readFileSync(join(root, file), 'utf8')) as Published;
    if (record.name === name) return record;
  }
  throw new Error(`no process '${name}' in ${root}`);
}
