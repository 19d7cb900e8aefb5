import { actorConformance } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';

actorConformance({
  runner: { describe, test },
  name: 'tcp',
  transport: 'tcp',
  where: ['process', 'threads', 'processes'],
});
