import { conformance, mechanismRules } from '@pigeonhole/core/conformance';
import { spawnProcess } from '@pigeonhole/transport-pipe';
import { afterAll, describe, test } from 'vitest';

/** What does not depend on the mechanism is tested in full over uds; by `npm run test:proofs` over this, too. */
const kind = process.env.PIGEONHOLE_TESTS;

// No stranger can connect: there is no `hostile`, and the suite attacks the presence sockets. trunk.test.ts has the bytes of a
// child that breaks the format.
conformance({
  runner: { describe, test, afterAll },
  name: 'pipe',
  transport: 'pipe',
  where: ['process', 'processes'],
  brief: kind === 'all' || kind === 'proofs' ? [] : ['process', 'processes'],
  whole: mechanismRules,
  startProcess: spawnProcess,
});
