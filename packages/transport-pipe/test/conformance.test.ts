import { conformance } from '@pigeonhole/core/conformance';
import { spawnProcess } from '@pigeonhole/transport-pipe';
import { afterAll, describe, test } from 'vitest';

// No stranger can connect: there is no `hostile`, and the suite attacks the presence sockets. trunk.test.ts has the bytes of a
// child that breaks the format.
conformance({
  runner: { describe, test, afterAll },
  name: 'pipe',
  transport: 'pipe',
  where: ['process', 'processes'],
  startProcess: spawnProcess,
});
