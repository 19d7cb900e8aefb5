// The whole suite while 30 % of all datagrams are lost, and others doubled and overtaken.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { conformance } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';
import { attack } from './conformance-attack.js';
import './lossy.mjs';

const lossy = pathToFileURL(fileURLToPath(new URL('lossy.mjs', import.meta.url))).href;

conformance({
  runner: { describe, test },
  name: 'udp, lossy',
  transport: 'udp',
  where: ['process', 'threads', 'processes'],
  hostile: attack,
  modules: [lossy],
  environment: { LOSSY: JSON.stringify({ lose: 0.3, double: 0.1, delay: 0.1, seed: 7 }) },
  watchdog: 60_000,
});
