/** Pigeonhole over UDP on the loopback interface, sent again until it arrives. */

import type { Case } from '../contender.js';
import { linkCases } from '../ours/link.js';

export const cases: readonly Case[] = linkCases({ label: 'udp', transport: 'udp' });
