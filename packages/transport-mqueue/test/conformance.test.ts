import { conformance, mechanismRules } from '@pigeonhole/core/conformance';
import { afterAll, describe, test } from 'vitest';
import { attack } from './conformance-attack.js';

const runner = { afterAll, describe, test };
const everywhere = ['process', 'threads', 'processes'] as const;
/** What does not depend on the mechanism is tested in full over uds; by `npm run test:proofs` over this, too. */
const kind = process.env.PIGEONHOLE_TESTS;
const all = kind === 'all';
const proofs = kind === 'proofs';

conformance({
  ...{ runner, hostile: attack },
  name: 'mqueue',
  transport: 'mqueue',
  where: proofs ? ['process', 'processes'] : everywhere,
  brief: all || proofs ? [] : everywhere,
  whole: mechanismRules,
});

// Above the inbox the two kinds of queue have all in common, so one test of each rule, in threads only by `npm run test:proofs`;
// the whole suite: PIGEONHOLE_TESTS=all.
const apart = proofs ? (['threads'] as const) : (['process', 'processes'] as const);
const where = all ? everywhere : apart;

conformance({
  ...{ runner, where, hostile: attack },
  name: 'mqueue, System V',
  transport: { use: 'mqueue', api: 'sysv' },
  brief: all ? [] : where,
});
