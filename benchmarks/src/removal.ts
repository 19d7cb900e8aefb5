/** Removes where a case ran. Apart from `place.ts`, since only the main process is to load our core for it. */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { sharedMemoryFolder } from '@pigeonhole/core/transport';
import { NAMESPACE } from './place.js';

/** Removes the directory, and the shared memory that processes which were killed have left. */
export function removePlace(directory: string): void {
  rmSync(sharedMemoryFolder('/dev/shm', join(directory, NAMESPACE)), { recursive: true, force: true });
  rmSync(directory, { recursive: true, force: true });
}
