import { conformance, mechanismRules } from '@pigeonhole/core/conformance';
import { afterAll, describe, test } from 'vitest';
import { attack } from './conformance-attack.js';

/** What does not depend on the mechanism is tested in full over uds; by `npm run test:proofs` over this, too. */
const kind = process.env.PIGEONHOLE_TESTS;

conformance({
  runner: { describe, test, afterAll },
  name: 'udp',
  transport: 'udp',
  where: kind === 'proofs' ? ['process', 'processes'] : ['process', 'threads', 'processes'],
  brief: kind === 'all' || kind === 'proofs' ? [] : ['process', 'threads', 'processes'],
  whole: mechanismRules,
  hostile: attack,
});
