/** Pigeonhole over Unix datagram sockets. */

import type { Case } from '../contender.js';
import { linkCases } from '../ours/link.js';

export const cases: readonly Case[] = linkCases({
  label: 'uds-dgram',
  transport: { use: 'uds', socket: 'dgram' },
});
