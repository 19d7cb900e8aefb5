/** Pigeonhole over named FIFOs. */

import type { Case } from '../contender.js';
import { linkCases } from '../ours/link.js';

export const cases: readonly Case[] = linkCases({ label: 'fifo', transport: 'fifo' });
