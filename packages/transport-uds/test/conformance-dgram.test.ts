// Unix datagrams. The rules that this transport could keep in another way than the stream does are all below core; so by default
// the first test of each rule, in each place: PIGEONHOLE_TESTS=all for the whole suite.
import { conformance, rules } from '@pigeonhole/core/conformance';
import { describe, test } from 'vitest';
import { attack } from './dgram-attack.js';

const all = process.env.PIGEONHOLE_TESTS === 'all';
const firstOfEach = new Set(
  rules
    .filter(({ rule }, at) => rules.findIndex((other) => other.rule === rule) === at)
    .map(({ rule, title }) => `${rule} ${title}`),
);

conformance({
  runner: {
    describe,
    test: (title, run, timeout) => {
      if (all || firstOfEach.has(title)) test(title, run, timeout);
    },
  },
  name: 'uds-dgram',
  transport: { use: 'uds', socket: 'dgram' },
  where: ['process', 'threads', 'processes'],
  hostile: attack,
});
