// Unix datagrams. The rules that this transport could keep in another way than the stream does are all below core; so by default
// the first test of each rule, in threads only by `npm run test:proofs`: PIGEONHOLE_TESTS=all for the whole suite.
import { conformance, type Place } from '@pigeonhole/core/conformance';
import { afterAll, describe, test } from 'vitest';
import { attack } from './dgram-attack.js';

const places: Record<string, readonly Place[]> = {
  all: ['process', 'threads', 'processes'],
  proofs: ['threads'],
};
const kind = process.env.PIGEONHOLE_TESTS ?? '';
const where = places[kind] ?? ['process', 'processes'];

conformance({
  runner: { afterAll, describe, test },
  name: 'uds-dgram',
  transport: { use: 'uds', socket: 'dgram' },
  where,
  brief: kind === 'all' ? [] : where,
  hostile: attack,
});
