// The suite without the addon, on the sockets of Node.js.
import { conformance } from '@pigeonhole/core/conformance';
import { afterAll, describe, test } from 'vitest';
import { attack } from './conformance-attack.js';

conformance({
  runner: { describe, test, afterAll },
  name: 'udp, no addon',
  transport: 'udp',
  where: ['threads', 'processes'],
  brief: process.env.PIGEONHOLE_TESTS === 'all' ? [] : ['threads', 'processes'],
  threadKill: 'exit', // see Limits in the README
  environment: { PIGEONHOLE_NATIVE: 'off' },
  hostile: attack,
});
