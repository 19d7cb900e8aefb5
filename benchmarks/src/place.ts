/** Where one case runs: its directory and the channel between its processes. */

import { join } from 'node:path';
import type { Channel, Place } from './contender.js';
import type { Job } from './control.js';

/** The one that our own cases join, below their directory. */
export const NAMESPACE = 'bench';

/** Makes the place; the directory exists already and belongs to the main process. */
export function makePlace({ directory, root }: Job, channel: Channel): Place {
  return { directory, root, channel, socketPath: (name) => join(directory, name) };
}
