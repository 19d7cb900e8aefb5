import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { PigeonholeError } from '../src/errors.js';

/** A new directory with these files (by relative path), removed when the test has finished. */
export async function scratch(files: Record<string, string> = {}): Promise<string> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'ph-')));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), text);
  }
  return directory;
}

/** The `PigeonholeError` that `action` throws or rejects with; anything else fails the test. */
export async function errorOf(action: () => unknown): Promise<PigeonholeError> {
  try {
    await action();
  } catch (error) {
    if (error instanceof PigeonholeError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}
