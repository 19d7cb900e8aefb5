import { conformance } from '@pigeonhole/core/conformance';
import { afterAll, describe, test } from 'vitest';
import { attack } from './conformance-attack.js';

conformance({
  runner: { describe, test, afterAll },
  name: 'udp',
  transport: 'udp',
  where: ['process', 'threads', 'processes'],
  threadKill: 'exit', // see Limits in the README
  hostile: attack,
});
