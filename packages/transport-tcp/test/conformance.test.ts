import { conformance } from '@pigeonhole/core/conformance';
import { afterAll, describe, test } from 'vitest';
import { attack } from './conformance-attack.js';

conformance({
  runner: { describe, test, afterAll },
  name: 'tcp',
  transport: 'tcp',
  where: ['process', 'threads', 'processes'],
  // To the mechanism a thread is a process. On uds all tests run in threads, too.
  brief: process.env.PIGEONHOLE_TESTS === 'all' ? [] : ['threads'],
  hostile: attack,
});
