/** What is measured of every transport that joins processes by links. */

import type { Case, Spawn } from '../contender.js';
import type { Setting } from './join.js';
import { openLoop, roundTrip } from './latency.js';
import { oneWayCases } from './one-way.js';
import { sizesCase } from './sizes.js';

export function linkCases(setting: Setting, base: { spawn?: Spawn } = {}): Case[] {
  return [
    ...oneWayCases(setting, base),
    sizesCase(setting, { ...base, detail: true }),
    roundTrip(setting, { ...base, detail: true }),
    roundTrip(setting, { ...base, detail: true }, true),
    openLoop(setting, { ...base, detail: true }),
  ];
}
