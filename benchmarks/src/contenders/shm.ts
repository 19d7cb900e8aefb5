/** Pigeonhole in shared memory. */

import type { Case } from '../contender.js';
import { withCrowd } from '../crowded.js';
import { footprint } from '../ours/footprint.js';
import { openLoop, roundTrip, roundTripSync } from '../ours/latency.js';
import { oneWayCases } from '../ours/one-way.js';
import { scalingCases } from '../ours/scaling.js';
import { loanCase, sizesCase } from '../ours/sizes.js';

const shm = { label: 'shm', transport: 'shm' };
/** Never looks whether something has come: sleeps at once, and is woken. */
const parked = { label: 'shm, parked', transport: { use: 'shm', turns: 0 } };

const own: readonly Case[] = [
  ...oneWayCases(shm, {}, { main: true, more: true, sync: true, compiled: true }),
  sizesCase(shm, {}),
  loanCase(shm),
  roundTrip(shm, {}),
  roundTrip(shm, { detail: true }, true),
  roundTrip(parked, {}, true),
  roundTripSync(shm),
  roundTripSync(shm, true),
  openLoop(shm, {}),
  footprint(shm),
  ...scalingCases(shm),
];

export const cases = withCrowd(withCrowd(own, 'shm, 64 B'), 'shm, *Sync, 64 B');
