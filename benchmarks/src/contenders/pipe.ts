/** Pigeonhole over pipes between a process and those that it starts. */

import { spawnProcess } from '@pigeonhole/transport-pipe';
import type { Case } from '../contender.js';
import { linkCases } from '../ours/link.js';

export const cases: readonly Case[] = linkCases(
  { label: 'pipe', transport: 'pipe' },
  { spawn: spawnProcess },
);
