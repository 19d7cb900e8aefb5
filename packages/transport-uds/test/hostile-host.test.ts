/** R28 over a Unix socket: a process that really owns a mailbox, and answers those who come to it with what breaks the rules. */
import { describe, expect, test } from 'vitest';
import { until } from '../../core/test/peers/watch.js';
import { adoptFrame, deliverFrame, frame, pullFrame, u32 } from './raw-frames.js';
import { helloFrame, type RawLink } from './raw-link.js';
import { RawProcess } from './raw-process.js';
import { Scene } from './scene.js';

interface Hosted {
  readonly rogue: RawProcess;
  readonly link: RawLink;
  readonly mailbox: string;
  readonly channel: number;
}

/** The victim has opened a mailbox of the attacker's. */
async function hosted(scene: Scene, role: 'sender' | 'receiver', name = 'rogue'): Promise<Hosted> {
  const rogue = await RawProcess.join(name, scene.target);
  const mailbox = `of-${name}`;
  rogue.host(mailbox);
  const opening = scene.victim.call(role, mailbox);
  const link = await rogue.answered();
  const { channel } = await link.next('open');
  link.write(frame('opened', channel, 0, { capacity: 8, ordering: 'fifo' }));
  await opening;
  return { rogue, link, mailbox, channel };
}

interface Attack {
  readonly name: string;
  readonly bytes: (channel: number, number: number) => Uint8Array;
  readonly message: string;
}

const attacks: readonly Attack[] = [
  {
    name: 'accept for a send never made',
    bytes: (channel, number) => frame('accept', channel, number + 1, u32(1)),
    message: 'an answer to send 1 of channel 1, which awaits none',
  },
  {
    name: 'accept of more than was sent',
    bytes: (channel, number) => frame('accept', channel, number, u32(2 ** 32 - 1)),
    message: 'an answer to send 1 of channel 1',
  },
  {
    name: 'accept twice',
    bytes: (channel, number) =>
      Buffer.concat([frame('accept', channel, number, u32(1)), frame('accept', channel, number, u32(1))]),
    message: 'an answer to send 0 of channel 1',
  },
  {
    name: 'reject of a send never made',
    bytes: (channel) => frame('reject', channel, 77),
    message: 'an answer to send 77 of channel 1',
  },
  {
    name: 'accept without a count',
    bytes: (channel, number) => frame('accept', channel, number),
    message: '0 bytes after its header; it needs 4',
  },
  {
    name: 'reject with what is no JSON',
    bytes: (channel, number) => frame('reject', channel, number, Buffer.from('nonsense'), [3]),
    message: 'not JSON',
  },
  {
    name: 'a delivery without its numbers',
    bytes: (channel) => frame('deliver', channel, 0, Buffer.alloc(12)),
    message: '12 bytes after its header; it needs 16',
  },
  {
    name: 'a delivery whose name runs out',
    bytes: (channel) =>
      frame('deliver', channel, 0, Buffer.concat([Buffer.alloc(24), Buffer.from('\u0009a')])),
    message: 'bytes after its header; it needs',
  },
  {
    name: 'a delivery from what is no name',
    bytes: (channel) =>
      frame('deliver', channel, 0, Buffer.concat([Buffer.alloc(24), Buffer.from('\u0002..')])),
    message: 'which is not a name',
  },
  {
    name: 'a hand-over into an inbox',
    bytes: () => adoptFrame(0, '@victim', 'somebody'),
    message: 'a frame names "@victim", which is not a name',
  },
];

const openings: readonly (readonly [what: string, answer: object])[] = [
  ['no capacity', { ordering: 'fifo' }],
  ['a capacity below 0', { capacity: -1, ordering: 'fifo' }],
  ['a capacity of one and a half', { capacity: 1.5, ordering: 'fifo' }],
  ['a capacity beyond the largest', { capacity: 2 ** 32, ordering: 'fifo' }],
  ['a capacity that is text', { capacity: 'many', ordering: 'fifo' }],
  ['no ordering', { capacity: 1 }],
  ['an ordering that is an object', { capacity: 1, ordering: { toString: 1 } }],
];

describe('a hostile host', () => {
  test('that breaks the format loses its link, and the sends on it have an unknown outcome', async () => {
    const scene = await Scene.set();
    const { victim } = scene;
    for (const [at, { name, bytes, message }] of attacks.entries()) {
      const { rogue, link, mailbox, channel } = await hosted(scene, 'sender', `rogue-${at}`);
      const sent = victim.call('send', mailbox, 'x', { timeout: 2 ** 30 });
      const outcome = sent.then(
        () => 'accepted',
        (error: { code: string }) => error.code,
      );
      const { number } = await link.next('send');
      link.write(bytes(channel, number));
      const told = await link.broken(name);
      expect.soft(told.code, name).toBe('ERR_FRAME');
      expect.soft(told.message, name).toContain(message);
      await victim.warned('ERR_FRAME', `link with process 'rogue-${at}' closed: `);
      expect
        .soft(await outcome, name)
        .toBe(
          name === 'accept twice' || name === 'accept of more than was sent'
            ? 'accepted'
            : 'ERR_OUTCOME_UNKNOWN',
        );
      rogue.leave();
      await scene.exchange();
    }
    await scene.survived();
  });

  test.each(openings)('that opens a mailbox with %s loses its link', async (what, answer) => {
    const scene = await Scene.set();
    const rogue = await RawProcess.join('rogue', scene.target);
    rogue.host('theirs');
    const opening = scene.victim.call('sender', 'theirs');
    const link = await rogue.answered();
    link.write(frame('opened', (await link.next('open')).channel, 0, answer));
    expect(await link.broken(what)).toMatchObject({ code: 'ERR_FRAME' });
    await scene.victim.warned(
      'ERR_FRAME',
      "link with process 'rogue' closed: a mailbox was opened with capacity",
    );
    await opening;
    rogue.leave();
    await scene.survived();
  });

  test.each([
    ['in another version', 'ERR_VERSION', { version: 2 }, {}],
    ['with another magic number', 'ERR_FRAME', { magic: 1 }, {}],
    ['as another incarnation', 'ERR_FENCED', {}, { incarnation: 'f'.repeat(16) }],
    ['to another incarnation', 'ERR_FENCED', {}, { to: 'f'.repeat(16) }],
    ['of another namespace', 'ERR_NOT_OURS', {}, { namespace: 'elsewhere' }],
  ] as const)('that answers %s loses its link: %s', async (what, code, header, changed) => {
    const scene = await Scene.set();
    const { victim, target } = scene;
    const rogue = await RawProcess.join('rogue', target);
    rogue.host('theirs');
    const opening = victim.call('sender', 'theirs').catch((error: { code: string }) => error.code);
    const link = await until(() => rogue.accepted[0], 'the victim to dial');
    await link.next('hello');
    const hello = {
      namespace: target.namespace,
      name: 'rogue',
      incarnation: rogue.incarnation,
      to: target.incarnation,
    };
    link.write(helloFrame({ ...hello, ...changed }, header));
    expect(await link.broken(what)).toMatchObject({ code });
    await victim.warned(code, 'closed: ');
    await opening;
    rogue.leave();
    await scene.survived();
  });

  test('that delivers what nobody asked for gets it back, and keeps its link', async () => {
    const scene = await Scene.set();
    const { link, mailbox, channel, rogue } = await hosted(scene, 'receiver');
    link.write(deliverFrame(channel, 12_345, 0), deliverFrame(channel + 9, 0, 1));
    await link.next('giveBack', 2);
    const received = scene.victim.call('receive', mailbox, { timeout: 2 ** 30 });
    const pull = await until(() => link.all('pull').at(-1), 'a pull');
    // In the mailbox's order after what came back, once that is known to have been seen.
    const rest = Buffer.concat([Buffer.alloc(12), u32(2, 2, 1), Buffer.from('\u0001a'), Buffer.from([0x01])]);
    link.write(
      frame('deliver', pull.channel, pull.number, rest),
      frame('deliver', pull.channel, pull.number, rest),
    );
    expect(await received).toMatchObject({ body: 1, from: 'a' });
    await link.next('taken');
    await link.next('giveBack', 3);
    link.write(pullFrame(1, 0), frame('empty', channel, 9), frame('moved', 99), frame('adopted', 0, 9));
    link.write(frame('refused', 99, 0, {}), frame('opened', 99, 0, {}), frame('ping', 0, 3));
    await link.next('pong');
    expect(link.told).toBeUndefined();
    rogue.leave();
    expect(await scene.survived()).toEqual([]);
  });

  test('whose count of received messages is absurd loses no more than it accepted', async () => {
    const scene = await Scene.set();
    const { link, mailbox, channel, rogue } = await hosted(scene, 'sender');
    for (let n = 0; n < 3; n++) {
      const sent = scene.victim.call('send', mailbox, n);
      const { number } = await link.next('send', n + 1);
      link.write(frame('accept', channel, number, u32(1)));
      await sent;
    }
    link.write(frame('progress', channel, 1_000_000), frame('ping', 0, 3));
    await link.next('pong');
    rogue.leave();
    link.destroy();
    const lost = await until(
      async () =>
        (await scene.victim.call<{ event: string; lost: number }[]>('events')).find(
          ({ event }) => event === 'mailbox:lost',
        ),
      'mailbox:lost',
    );
    expect(lost).toMatchObject({ mailbox, host: 'rogue' });
    expect(lost.lost).toBeLessThanOrEqual(3);
    await scene.survived();
  });
});
