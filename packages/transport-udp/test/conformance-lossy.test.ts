// The suite while 30 % of all datagrams are lost, and others doubled and overtaken. Where each runtime is a process of its own:
// the protocol does not know the difference, and a wait for a lost datagram takes as long anywhere.
import { fileURLToPath } from 'node:url';
import { conformance, type Place, rules } from '@pigeonhole/core/conformance';
import { afterAll, describe, expect, test } from 'vitest';
import { attack } from './conformance-attack.js';
import './lossy.mjs';

const lossy = fileURLToPath(new URL('lossy.mjs', import.meta.url));

/**
 * These kill processes at work and then count every message. What a process had just said and the network lost, nobody says again once
 * it is dead: its receipt of a message (which then goes to another too) or its word to a sender. The README says so. They run on
 * a network that doubles datagrams, and loses none.
 */
const KILLED_AT_WORK = [
  'R26 a receiver killed at work loses at most what it had received',
  'R26 a receiver killed while it waits takes nothing',
  'R26 hosts that die at work lose what is reported, double nothing, and hold up nobody',
];

/**
 * These give a send up, and want to know what became of it. The other side has a second for its word (then it is `ERR_OUTCOME_UNKNOWN`, as R7 has
 * it), and where datagrams are lost one after another it may come later.
 */
const GIVEN_UP = [
  'R7 a send that timed out was not accepted',
  'R7 an aborted send rejects with its signal’s reason and was not accepted',
  'R7 a sendMany that timed out says how many were accepted, which are the leading ones',
  'R7 a sendMany whose handle is closed says the same',
];
const SET_APART = [...KILLED_AT_WORK, ...GIVEN_UP];

/** Waiting for what was lost makes the whole suite last seven minutes: PIGEONHOLE_TESTS=all; else the first test of each rule. */
const brief: readonly Place[] = process.env.PIGEONHOLE_TESTS === 'all' ? [] : ['processes'];

function suite(
  name: string,
  network: object,
  runs: (title: string) => boolean,
  scope: { brief?: readonly Place[] } = {},
): void {
  conformance({
    runner: {
      afterAll,
      describe,
      test: (title, run, timeout) => {
        if (runs(title)) test(title, run, timeout);
      },
    },
    name,
    transport: 'udp',
    where: ['processes'],
    hostile: attack,
    modules: [lossy],
    environment: { LOSSY: JSON.stringify({ ...network, seed: 7 }) },
    watchdog: 60_000,
    ...scope,
  });
}

suite('udp, lossy', { lose: 0.3, double: 0.1, delay: 0.1 }, (title) => !SET_APART.includes(title), {
  brief,
});
suite('udp, doubling', { lose: 0, double: 0.3, delay: 0 }, (title) => SET_APART.includes(title));

test('the tests set apart are of the suite', () => {
  const titles = rules.map(({ rule, title }) => `${rule} ${title}`);
  for (const title of SET_APART) expect(titles).toContain(title);
});
