import { conformance } from '@pigeonhole/core/conformance';
import { afterAll, describe, test } from 'vitest';
import { discard } from './discard.js';

/** In threads `npm test` has one test of each rule; `npm run test:proofs` has all of them, and nothing else. */
const kind = process.env.PIGEONHOLE_TESTS;

conformance({
  runner: { afterAll, describe, test },
  name: 'shm',
  transport: 'shm',
  where: kind === 'proofs' ? ['threads'] : ['process', 'threads', 'processes'],
  brief: kind === 'all' || kind === 'proofs' ? [] : ['threads'],
  discard,
});
