/** A process that dies in the instant in which it has joined: the others are told that it came, and that it went. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRuntime } from '@pigeonhole/core';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../../core/test/peers/watch.js';
import { scratch } from './scene.js';

const script = `
  import { createRuntime } from '@pigeonhole/core';
  const [directory, name] = process.argv.slice(1);
  await createRuntime({ name, directory, namespace: 'brief', transport: 'uds', logger: false, config: false });
  process.kill(process.pid, 'SIGKILL');
`;

test('is reported up and down, once each', async () => {
  const directory = scratch();
  const common = { directory, namespace: 'brief', transport: 'uds', logger: false, config: false } as const;
  const runtime = await createRuntime({ ...common, name: 'witness' });
  onTestFinished(async () => void (await runtime.close()));
  const told: string[] = [];
  for (const event of ['peer:up', 'peer:down'] as const)
    runtime.on(event, ({ name }) => void told.push(`${event} ${name}`));
  for (const name of ['brief-1', 'brief-2', 'brief-3']) {
    const args = ['--input-type=module', '--eval', script, directory, name];
    // This event loop stands still meanwhile: the process is gone before its first word is read.
    const { signal } = spawnSync(process.execPath, args, { cwd: import.meta.dirname, stdio: 'inherit' });
    expect(signal).toBe('SIGKILL');
    await until(() => told.length >= 2, `word of ${name}`);
    expect(told.splice(0)).toEqual([`peer:up ${name}`, `peer:down ${name}`]);
  }
  await runtime.close();
  expect(readdirSync(directory)).toEqual([]);
});
