// Unix datagrams. The rules that this transport could keep in another way than the stream does are all below core; so by default
// the first test of each rule, in each place: PIGEONHOLE_TESTS=all for the whole suite.
import { conformance, type Place } from '@pigeonhole/core/conformance';
import { afterAll, describe, test } from 'vitest';
import { attack } from './dgram-attack.js';

const where: readonly Place[] = ['process', 'threads', 'processes'];

conformance({
  runner: { afterAll, describe, test },
  name: 'uds-dgram',
  transport: { use: 'uds', socket: 'dgram' },
  where,
  brief: process.env.PIGEONHOLE_TESTS === 'all' ? [] : where,
  hostile: attack,
});
