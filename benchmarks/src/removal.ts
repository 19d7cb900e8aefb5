/** Removes where a case ran. Apart from `place.ts`, since only the main process is to load our core for it. */

import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sharedMemoryFolder } from '@pigeonhole/core/transport';
import { NAMESPACE } from './place.js';

/** Removes the directory, and the shared memory that processes which were killed have left: of the case, or of each of its pairs, in a directory of its own. */
export function removePlace(directory: string): void {
  const pairs = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const each of [directory, ...pairs.map(({ name }) => join(directory, name))])
    rmSync(sharedMemoryFolder('/dev/shm', join(each, NAMESPACE)), { recursive: true, force: true });
  rmSync(directory, { recursive: true, force: true });
}
