/** Actors in shared memory. Each idle one has files of its own there: 10,000 of them measure the file system. */

import { busyActorCases } from '../ours/actors.js';

export const cases = busyActorCases('shm');
