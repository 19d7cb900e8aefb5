import { conformance } from '@pigeonhole/core/conformance';
import { afterAll, describe, test } from 'vitest';
import { discard } from './discard.js';

conformance({
  runner: { afterAll, describe, test },
  name: 'shm',
  transport: 'shm',
  where: ['process', 'threads', 'processes'],
  discard,
});
