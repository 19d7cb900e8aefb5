/** Pigeonhole in shared memory. */

import { pigeonholeCases, roundTripSync } from '../pigeonhole.js';

export const cases = [...pigeonholeCases('shm'), roundTripSync('shm')];
