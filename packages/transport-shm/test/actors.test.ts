import { actorConformance } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';
import { discard } from './discard.js';

actorConformance({
  runner: { describe, test },
  name: 'shm',
  transport: 'shm',
  where: ['process', 'threads', 'processes'],
  discard,
});
