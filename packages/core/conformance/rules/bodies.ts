/** R28 for what frames carry: bodies that break their codec. */
import assert from 'node:assert/strict';
import { PigeonholeError } from '../../src/errors.js';
import type { Harness } from '../harness.js';
import { hostileBodies } from '../hostile-bodies.js';
import type { Party } from '../party.js';
import { type ConformanceRule, rule } from '../rule.js';
import type { AddressSpec } from '../surface.js';

const MiB = 2 ** 20;

/** The receiver is as before: no prototype touched, no memory kept, and it serves others. */
async function unharmed(
  t: Harness,
  receiver: Party,
  friend: Party,
  before: number,
  what: string,
): Promise<void> {
  const { polluted, external } = await receiver.usage();
  assert.equal(polluted, false, `${what} reached a prototype`);
  assert.ok(
    external - before < 64 * MiB,
    `${what} made the receiver hold ${Math.round((external - before) / MiB)} MiB`,
  );
  await t.exchange(receiver, friend, 1);
}

async function foreignBodies(t: Harness): Promise<void> {
  const [sender, receiver, friend] = await t.group(3);
  const { name } = t.mailbox();
  const handle = await receiver.receiver({ kind: 'mailbox', name, capacity: 8 });
  const before = (await receiver.usage()).external;
  for (const body of hostileBodies) {
    const spec: AddressSpec = { kind: 'mailbox', name, codec: `hostile ${body}` };
    await t.within(sender.send(spec, 'whatever'), `a send of ${body}`);
    const [outcome] = await Promise.allSettled([t.within(handle.receive(), `a receive of ${body}`)]);
    if (outcome.status === 'rejected') {
      assert.ok(outcome.reason instanceof PigeonholeError, `${body} rejects with ${outcome.reason}`);
      assert.match(outcome.reason.code, /^ERR_(CORRUPT|FRAME)$/);
    } else assert.ok(!(outcome.value.body instanceof RegExp), `${body} came to life`);
    await unharmed(t, receiver, friend, before, body);
  }
  await t.within(sender.send({ kind: 'mailbox', name }, 'sound'), 'a sound send');
  assert.equal((await t.within(handle.receive(), 'a sound message')).body, 'sound');
}

async function lyingBodies(t: Harness): Promise<void> {
  const [receiver, friend] = await t.group(2);
  const { name } = t.mailbox();
  const handle = await receiver.receiver({ kind: 'mailbox', name, capacity: 64 });
  const before = (await receiver.usage()).external;
  const liar = await t.party();
  for (const body of hostileBodies) {
    const call = liar.send({ kind: 'mailbox', name, codec: `lying ${body}` }, 'whatever', { timeout: 5000 });
    const [outcome] = await Promise.allSettled([t.within(call, `a send of ${body}`)]);
    if (outcome.status === 'rejected')
      assert.ok(outcome.reason instanceof PigeonholeError, `${body}: ${outcome.reason}`);
    await unharmed(t, receiver, friend, before, body);
    await t.within(friend.send({ kind: 'mailbox', name }, body), `a sound send after ${body}`);
    const sound = async () => {
      const [received] = await Promise.allSettled([handle.receive()]);
      return received.status === 'fulfilled' && received.value.body === body;
    };
    await t.until(sound, `the sound message after ${body}`);
  }
  assert.deepEqual(
    receiver.seen('peer:down').map((peer) => peer.name),
    [],
    'a process that sends nonsense is not dead',
  );
}

export const bodies: readonly ConformanceRule[] = [
  rule('R28', 'bodies that break the receiver’s codec harm nothing', foreignBodies),
  rule('R28', 'bodies that are not what their frames say harm nothing', lyingBodies, [
    'threads',
    'processes',
  ]),
];
