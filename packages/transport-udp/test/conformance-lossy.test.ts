// The suite while 30 % of all datagrams are lost, and others doubled and overtaken. Where each runtime is a process of its own:
// the protocol does not know the difference, and a wait for a lost datagram takes as long anywhere.
import { fileURLToPath } from 'node:url';
import { conformance } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';
import { attack } from './conformance-attack.js';
import './lossy.mjs';

const lossy = fileURLToPath(new URL('lossy.mjs', import.meta.url));

conformance({
  runner: { describe, test },
  name: 'udp, lossy',
  transport: 'udp',
  where: ['processes'],
  hostile: attack,
  modules: [lossy],
  environment: { LOSSY: JSON.stringify({ lose: 0.3, double: 0.1, delay: 0.1, seed: 7 }) },
  watchdog: 60_000,
});
