import { randomBytes } from 'node:crypto';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sharedMemoryFolder } from '@pigeonhole/core/transport';
import { onTestFinished } from 'vitest';

/** A namespace of the test's own: what runtimes are made with, and the folder of their mailboxes. Both directories go with the test. */
export function ownPlace() {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'pgs-')));
  const namespace = `t${randomBytes(4).toString('hex')}`;
  const folder = sharedMemoryFolder('/dev/shm', join(directory, namespace));
  onTestFinished(() => {
    for (const path of [directory, folder]) rmSync(path, { recursive: true, force: true });
  });
  const setup = { directory, namespace, transport: 'shm', logger: false, config: false } as const;
  return { setup, folder };
}
