import { actorConformance } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';

actorConformance({
  runner: { describe, test },
  name: 'uds',
  transport: 'uds',
  where: ['process', 'threads', 'processes'],
});
