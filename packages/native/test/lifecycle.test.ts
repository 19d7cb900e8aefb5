import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { scratch } from './scratch.js';

const script = fileURLToPath(new URL('lifecycle.mjs', import.meta.url));
const stages: string[] = JSON.parse(execFileSync(process.execPath, [script, '--list'], { encoding: 'utf8' }));

test.each(stages)('%s', async (stage) => {
  const folder = scratch('lives');
  mkdirSync(folder);
  const child = spawn(process.execPath, ['--expose-gc', script, stage, folder], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL')); // where the watchdog ended the test
  expect(await once(child, 'exit')).toEqual([0, null]);
});
