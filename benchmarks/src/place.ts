/** Where one case runs: its directory and the channel between its processes. */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { sharedMemoryFolder } from '@pigeonhole/core/transport';
import type { Channel, Place } from './contender.js';
import type { Job } from './control.js';

/** The one that our own cases join, below their directory. */
export const NAMESPACE = 'bench';

/** Removes the directory, and the shared memory that processes which were killed have left. */
export function removePlace(directory: string): void {
  rmSync(sharedMemoryFolder('/dev/shm', join(directory, NAMESPACE)), { recursive: true, force: true });
  rmSync(directory, { recursive: true, force: true });
}

/** Makes the place; the directory exists already and belongs to the main process. */
export function makePlace({ directory, root }: Job, channel: Channel): Place {
  return { directory, root, channel, socketPath: (name) => join(directory, name) };
}
