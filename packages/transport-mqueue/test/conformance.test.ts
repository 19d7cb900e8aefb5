import { conformance } from '@pigeonhole/core/conformance';
import { afterAll, describe, test } from 'vitest';
import { attack } from './conformance-attack.js';

const runner = { afterAll, describe, test };
const where = ['process', 'threads', 'processes'] as const;
const all = process.env.PIGEONHOLE_TESTS === 'all';

conformance({
  ...{ runner, where, hostile: attack },
  name: 'mqueue',
  transport: 'mqueue',
  brief: all ? [] : ['threads'],
});

// Above the inbox the two kinds of queue have all in common, so one test of each rule; the whole suite: PIGEONHOLE_TESTS=all.
conformance({
  ...{ runner, where, hostile: attack },
  name: 'mqueue, System V',
  transport: { use: 'mqueue', api: 'sysv' },
  brief: all ? [] : where,
});
