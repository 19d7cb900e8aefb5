import { actorConformance } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';

actorConformance({
  runner: { describe, test },
  name: 'mqueue',
  transport: 'mqueue',
  where: ['process', 'threads', 'processes'],
});
