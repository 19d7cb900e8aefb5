import { conformance } from '@pigeonhole/core/conformance';
import { afterAll, describe, test } from 'vitest';
import { attack } from './conformance-attack.js';

/** In threads `npm test` has one test of each rule; `npm run test:proofs` has all of them, and nothing else. */
const kind = process.env.PIGEONHOLE_TESTS;

conformance({
  runner: { describe, test, afterAll },
  name: 'uds',
  transport: 'uds',
  where: kind === 'proofs' ? ['threads'] : ['process', 'threads', 'processes'],
  brief: kind === 'all' || kind === 'proofs' ? [] : ['threads'],
  hostile: attack,
});
