// Makes sure that node_modules is what package-lock.json says, so that one command works in a fresh clone.
import { statSync } from 'node:fs';
import { npm, root } from './run.mjs';

function changedAt(path) {
  return statSync(`${root}/${path}`, { throwIfNoEntry: false })?.mtimeMs ?? Number.NEGATIVE_INFINITY;
}

/** Runs `npm ci` where node_modules is missing or older than the lock file; ends this process if that fails. */
export async function ensureInstalled() {
  if (changedAt('node_modules/.package-lock.json') >= changedAt('package-lock.json')) return;
  console.log('Installing the dependencies (npm ci)');
  const { code, printed } = await npm(['ci', '--include=dev', '--loglevel=error'], { capture: true });
  if (code === 0) return;
  console.error(printed);
  process.exit(code);
}
