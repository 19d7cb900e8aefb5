import { actorConformance } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';

actorConformance({
  runner: { describe, test },
  name: 'pipe',
  transport: 'pipe',
  where: ['process', 'processes'],
});
