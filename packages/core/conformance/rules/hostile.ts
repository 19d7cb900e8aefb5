/** R28: bytes from outside. Raw connections to the target's sockets send what no runtime would. */
import assert from 'node:assert/strict';
import { lstatSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { hasSystemCode } from '../../src/errors.js';
import { makeBytes } from '../fixtures.js';
import { type Attacker, filesIn, type Harness, untorn } from '../harness.js';
import type { Party } from '../party.js';
import { type ConformanceRule, rule } from '../rule.js';

const MiB = 2 ** 20;
type Attack = (attacker: Attacker) => Promise<void> | void;

function words(...values: number[]): Uint8Array {
  return new Uint8Array(new Uint32Array(values).buffer);
}

/** Each breaks any format that has one, in another way. */
const attacks = {
  'nothing at all': (attacker) => attacker.destroy(),
  'one byte': (attacker) => attacker.write(new Uint8Array([0])),
  zeros: (attacker) => attacker.write(new Uint8Array(65_536)),
  'length 0': (attacker) => attacker.write(words(0, 0, 0, 0)),
  'length 2^32 - 1': (attacker) => attacker.write(words(0xffffffff, 0xffffffff, 0xffffffff)),
  'length 2^31, big-endian': (attacker) =>
    attacker.write(new Uint8Array([0x80, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8])),
  'another protocol': (attacker) => attacker.write(Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  'JSON that is no hello': (attacker) =>
    attacker.write(Buffer.from('{"is":"hello","peer":{"__proto__":{"name":1}}}\n{"is":"x"}\n')),
  'deep JSON': (attacker) => attacker.write(Buffer.from(`${'['.repeat(200_000)}\n`)),
  'a line without an end': (attacker) => attacker.write(Buffer.alloc(4 * MiB, 'x')),
  'random bytes': (attacker) => attacker.write(makeBytes(100_000, 77)),
  'small random pieces': async (attacker) => {
    for (let seed = 0; seed < 40; seed++) {
      attacker.write(makeBytes(1 + (seed % 7), seed));
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
  'a plausible length, then nothing': (attacker) => attacker.write(words(1000)),
  'more garbage than the longest message has bytes': async (attacker) => {
    const piece = makeBytes(MiB, 5);
    for (let n = 0; n < 20; n++) {
      attacker.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
} satisfies Readonly<Record<string, Attack>>;

/** A raw connection to a Unix stream socket. Of one for datagrams the transport's own `hostile` makes use. */
function connectRaw(path: string): Promise<Attacker> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const closed = new Promise<void>((over) => void socket.on('close', () => over()));
    socket.on('error', (error) => {
      if (!hasSystemCode(error, 'EPROTOTYPE')) reject(error);
      else resolve({ write: () => {}, closed, destroy: () => {} });
    });
    socket.resume();
    socket.on('connect', () =>
      resolve({ write: (bytes) => void socket.write(bytes), closed, destroy: () => void socket.destroy() }),
    );
  });
}

function socketsIn(directory: string): string[] {
  const entries = untorn(() => readdirSync(directory, { recursive: true, encoding: 'utf8' })).map((entry) =>
    join(directory, entry),
  );
  return entries.filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isSocket());
}

/** Every way into the target: the transport's port, and whatever sockets lie open in the directory. */
function waysIn(t: Harness, target: Party): (() => Promise<Attacker>)[] {
  const { hostile } = t.options;
  const { namespace, directory } = t;
  const port =
    hostile === undefined
      ? []
      : [() => hostile({ name: target.name, pid: target.pid, namespace, directory })];
  return [...port, ...socketsIn(directory).map((path) => () => connectRaw(path))];
}

async function servesOn(t: Harness, target: Party, friend: Party): Promise<void> {
  await t.exchange(target, friend, 1);
  const newcomer = await t.party();
  await t.exchange(target, newcomer, 1);
  await newcomer.close();
  await t.letGo(newcomer);
}

async function surviveAttacks(t: Harness): Promise<void> {
  const [target, friend] = await t.group(2);
  await t.exchange(target, friend);
  const ways = waysIn(t, target);
  assert.ok(
    ways.length > 0,
    'a transport that reaches other processes has a way in: give its test a `hostile` factory',
  );
  for (const [at, connectTo] of ways.entries())
    for (const [name, attack] of Object.entries(attacks)) {
      const attacker = await t.within(connectTo(), `a raw connection ${at}`);
      await t.within(Promise.resolve(attack(attacker)), `the attack '${name}'`);
      await t.exchange(target, friend, 1);
      attacker.destroy();
    }
  await servesOn(t, target, friend);
  assert.deepEqual(
    target.seen('peer:down').filter(({ name }) => name === friend.name),
    [],
    'an attacker does not unseat a peer',
  );
}

async function closesAttackers(t: Harness): Promise<void> {
  const [target, friend] = await t.group(2);
  await t.exchange(target, friend);
  // Of these, every format must see that they are wrong, be it lines or frames.
  const names = [
    'another protocol',
    'random bytes',
    'more garbage than the longest message has bytes',
    'a line without an end',
  ] as const;
  for (const name of names)
    for (const connectTo of waysIn(t, target)) {
      const attacker = await t.within(connectTo(), 'a raw connection');
      await t.within(Promise.resolve(attacks[name](attacker)), `the attack '${name}'`);
      await t.within(attacker.closed, `the target to close a connection that sent '${name}'`);
      attacker.destroy();
    }
  await servesOn(t, target, friend);
}

async function boundedMemory(t: Harness): Promise<void> {
  const [target, friend] = await t.group(2);
  await t.exchange(target, friend);
  const before = await target.usage();
  const open: Attacker[] = [];
  for (const connectTo of waysIn(t, target))
    for (let n = 0; n < 20; n++) {
      const attacker = await t.within(connectTo(), 'a raw connection');
      open.push(attacker);
      attacker.write(words(16 * MiB - 1, 0, 0));
      attacker.write(makeBytes(2 * MiB, n));
      if (n % 5 === 0) await t.exchange(target, friend, 1);
    }
  const after = await target.usage();
  for (const attacker of open) attacker.destroy();
  const grown = after.external - before.external;
  assert.ok(grown < 64 * MiB, `${open.length} strangers made the target hold ${Math.round(grown / MiB)} MiB`);
  await servesOn(t, target, friend);
}

async function manyStrangers(t: Harness): Promise<void> {
  const [target, friend] = await t.group(2);
  await t.exchange(target, friend);
  const before = (await target.usage()).descriptors;
  const open: Attacker[] = [];
  const refused: unknown[] = [];
  for (const connectTo of waysIn(t, target))
    for (let n = 0; n < 300; n++) {
      try {
        open.push(await t.within(connectTo(), 'a raw connection'));
      } catch (error) {
        refused.push(error);
      }
    }
  assert.ok(open.length > 0, `connections were refused: ${refused[0]}`);
  await t.exchange(target, friend);
  for (const attacker of open) attacker.destroy();
  await t.until(
    async () => (await target.usage()).descriptors <= before + 2,
    'the target to let go of its strangers',
  );
  await servesOn(t, target, friend);
}

async function strangersAreCounted(t: Harness): Promise<void> {
  const [target, friend] = await t.group(2);
  await t.exchange(target, friend);
  for (const connectTo of waysIn(t, target)) {
    const open: Attacker[] = [];
    const turnedAway: Promise<void>[] = [];
    for (let n = 0; n < 600; n++) {
      try {
        const attacker = await t.within(connectTo(), 'a raw connection');
        open.push(attacker);
        turnedAway.push(attacker.closed);
      } catch (error) {
        // The target has not come to accept those that wait in its backlog.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        await t.exchange(target, friend, 1);
      }
    }
    await t.within(Promise.race(turnedAway), 'one of 600 silent strangers to be turned away');
    await t.exchange(target, friend, 1);
    for (const attacker of open) attacker.destroy();
  }
  await servesOn(t, target, friend);
}

/** Within one process there is no outside: the negative is that nothing listens. */
async function nothingListens(t: Harness): Promise<void> {
  const [a, b] = await t.group(2);
  const mailbox = t.mailbox();
  assert.equal((await a.explain(mailbox)).capabilities.crossProcess, false);
  assert.equal(t.options.hostile, undefined, 'a transport within one process has no port to attack');
  await t.exchange(a, b);
  assert.deepEqual(filesIn(t.directory), [], 'a transport within one process leaves nothing open to others');
}

export const hostile: readonly ConformanceRule[] = [
  {
    ...rule('R28', 'within one process nothing listens that could be attacked', nothingListens, ['process']),
    unless: 'processes',
  },
  rule('R28', 'broken, truncated and oversize bytes neither crash nor hang the target', surviveAttacks, [
    'threads',
    'processes',
  ]),
  rule('R28', 'a connection that breaks the format is closed', closesAttackers, ['threads', 'processes']),
  rule('R28', 'strangers cannot make the target hold more than its limits', boundedMemory, ['processes']),
  rule('R28', 'strangers who do not say who they are are limited in number', strangersAreCounted, [
    'processes',
  ]),
  rule('R28', 'hundreds of silent strangers keep nobody out', manyStrangers, ['processes']),
];
