/** Pigeonhole in the memory of one thread: what mailboxes cost where nothing carries the messages. */

import type { Case } from '../contender.js';
import { roundTrip } from '../ours/latency.js';
import { oneWayCases } from '../ours/one-way.js';

const memory = { label: 'memory', transport: 'memory' };

export const cases: readonly Case[] = [
  ...oneWayCases(memory, { others: 'here' }).map((testCase) => ({ ...testCase, detail: true as const })),
  roundTrip(memory, { others: 'here', detail: true }),
];
