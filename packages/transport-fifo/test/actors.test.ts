import { actorConformance } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';

actorConformance({
  runner: { describe, test },
  name: 'fifo',
  transport: 'fifo',
  where: ['process', 'threads', 'processes'],
});
