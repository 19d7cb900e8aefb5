/** Where one case runs: its directory and the channel between its two processes. */

import { join } from 'node:path';
import type { Channel, Place } from './contender.js';

/** Makes the place; the directory exists already and belongs to the main process. */
export function makePlace(directory: string, channel: Channel): Place {
  return { directory, channel, socketPath: (name) => join(directory, name) };
}
