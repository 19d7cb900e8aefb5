import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';

const folders: string[] = [];

/** A path in a new folder, which goes after the test. */
export function scratch(name = 'object'): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pigeonhole-native-')));
  folders.push(folder);
  return join(folder, name);
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
