import { actorConformance } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';

actorConformance({
  runner: { describe, test },
  name: 'udp',
  transport: 'udp',
  where: ['process', 'threads', 'processes'],
});
