/** Pigeonhole over TCP on the loopback interface. */

import type { Case } from '../contender.js';
import { linkCases } from '../ours/link.js';

export const cases: readonly Case[] = linkCases({ label: 'tcp', transport: 'tcp' });
