import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SysvQueue } from '@pigeonhole/native';
import { expect, onTestFinished, test } from 'vitest';
import { scratch } from './scratch.js';

const script = fileURLToPath(new URL('lifecycle.mjs', import.meta.url));
const stages: string[] = JSON.parse(execFileSync(process.execPath, [script, '--list'], { encoding: 'utf8' }));

/** What the stages cannot remove, because they end. */
function removeQueues(folder: string): void {
  for (const file of readdirSync(folder).filter((each) => each.endsWith('.key'))) {
    const queue = new SysvQueue(SysvQueue.open(Number.parseInt(file, 10)));
    queue.close();
    queue.remove();
  }
}

test.each(stages)('%s', async (stage) => {
  const folder = scratch('lives');
  mkdirSync(folder);
  const child = spawn(process.execPath, ['--expose-gc', script, stage, folder], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL')); // where the watchdog ended the test
  const ended = await once(child, 'exit');
  removeQueues(folder);
  expect(ended).toEqual([0, null]);
});
