/** Pigeonhole over Unix sockets. */

import type { Case } from '../contender.js';
import { withCrowd } from '../crowded.js';
import { footprint } from '../ours/footprint.js';
import { openLoop, roundTrip } from '../ours/latency.js';
import { oneWayCases } from '../ours/one-way.js';
import { sizesCase } from '../ours/sizes.js';

const uds = { label: 'uds', transport: 'uds' };

const own: readonly Case[] = [
  ...oneWayCases(uds, {}, { more: true }),
  sizesCase(uds, {}),
  roundTrip(uds, {}),
  roundTrip(uds, {}, true),
  openLoop(uds, {}),
  { ...footprint(uds), detail: true },
];

export const cases = withCrowd(own, 'uds, 64 B');
