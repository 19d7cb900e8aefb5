import { conformance } from '@pigeonhole/core/conformance';
import { afterAll, describe, test } from 'vitest';
import { attack } from './conformance-attack.js';

conformance({
  runner: { describe, test, afterAll },
  name: 'fifo',
  transport: 'fifo',
  where: ['process', 'threads', 'processes'],
  hostile: attack,
});
