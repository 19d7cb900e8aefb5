/** R28 over a Unix socket: what a process that has joined, and said who it is, sends on its link to a host. */
import { expect, test } from 'vitest';
import { frame, pullFrame, sendFrame, u32 } from './raw-frames.js';
import type { RawLink } from './raw-link.js';
import { RawProcess } from './raw-process.js';
import { Scene } from './scene.js';
import type { Victim } from './victim.js';

const MiB = 2 ** 20;
/** 16 MiB, and what a frame may carry beside a body. */
const LIMIT = 16 * MiB + 1024;

interface Attack {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly message: string;
  /** What is in the mailbox afterwards, if not just what was there before. */
  readonly left?: unknown[];
}

/** On a link as `prepared` leaves it. */
const attacks: readonly Attack[] = [
  { name: 'kind 0', bytes: frame(0), message: 'frame kind 0 does not exist in protocol version 1' },
  { name: 'kind 26', bytes: frame(26, 1), message: 'frame kind 26 does not exist' },
  { name: 'a question without JSON', bytes: frame('ask', 0, 1), message: 'not JSON' },
  {
    name: 'a question about what is no mailbox',
    bytes: frame('ask', 0, 1, { mailbox: '../../etc' }),
    message: 'a question or news about no mailbox',
  },
  {
    name: 'news about what is no mailbox',
    bytes: frame('news', 0, 0, { mailbox: 7, hosts: true }),
    message: 'a question or news about no mailbox',
  },
  { name: 'kind 255', bytes: frame(255, 1), message: 'frame kind 255 does not exist' },
  { name: 'a second hello', bytes: frame('hello', 0x4e474950, 1, {}), message: 'a second hello' },
  { name: 'length 0', bytes: u32(0, 0, 0), message: 'says it has 0 bytes' },
  {
    name: 'length limit + 1',
    bytes: u32(LIMIT + 1),
    message: `${LIMIT + 1} bytes; the limit here is ${LIMIT}`,
  },
  { name: 'length 2^32 - 1', bytes: u32(2 ** 32 - 1), message: 'says it has 4294967295 bytes' },
  {
    name: 'taken, never held',
    bytes: frame('taken', 1, 1, u32(1)),
    message: 'delivery 1 is not held on channel 1',
  },
  {
    name: 'taken, more than held',
    bytes: frame('taken', 1, 0, u32(2 ** 32 - 1)),
    left: [],
    message: 'delivery 1 is not held on channel 1',
  },
  {
    name: 'taken twice',
    bytes: Buffer.concat([frame('taken', 1, 0, u32(1)), frame('taken', 1, 0, u32(1))]),
    left: [],
    message: 'delivery 0 is not held',
  },
  {
    name: 'given back, never held',
    bytes: frame('giveBack', 1, 2 ** 32 - 1),
    message: 'delivery 4294967295 is not held',
  },
  {
    name: 'taken without a count',
    bytes: frame('taken', 1),
    message: '0 bytes after its header; it needs 4',
  },
  {
    name: 'type 2^31',
    bytes: sendFrame(1, 0, { type: 2 ** 31 }),
    message: 'type 2147483648; the most is 2147483647',
  },
  { name: 'priority 32', bytes: sendFrame(1, 0, { priority: 32 }), message: 'priority 32; the most is 31' },
  { name: 'priority 255', bytes: sendFrame(1, 0, { priority: 255 }), message: 'priority 255' },
  { name: 'codec 4', bytes: sendFrame(1, 0, { codec: 4 }), message: 'codec 4, which does not exist' },
  { name: 'sent at NaN', bytes: sendFrame(1, 0, { sentAt: Number.NaN }), message: 'sentAt NaN' },
  { name: 'sent at no time', bytes: sendFrame(1, 0, { sentAt: -Infinity }), message: 'sentAt -Infinity' },
  { name: 'send of nothing', bytes: frame('send', 1), message: '0 bytes after its header; it needs 12' },
  { name: 'pull of nothing', bytes: frame('pull', 1), message: '0 bytes after its header; it needs 4' },
  {
    name: 'a selector that is an array',
    bytes: frame('pull', 1, 0, Buffer.concat([u32(1), Buffer.from('[]')])),
    message: 'JSON that is not an object',
  },
  {
    name: 'a selector from what is no name',
    bytes: frame('pull', 1, 0, Buffer.concat([u32(1), Buffer.from('{"types":null,"from":"__proto__"}')])),
    message: 'a selector has from "__proto__"',
  },
  {
    name: 'a selector of a million types',
    bytes: frame(
      'pull',
      1,
      0,
      Buffer.concat([u32(1), Buffer.from(`{"types":[${'1,'.repeat(MiB)}1],"from":null}`)]),
    ),
    message: 'JSON of 2097177 bytes; the most is 65536',
  },
  { name: 'an open that is no JSON', bytes: frame('open', 9, 0, Buffer.from('{')), message: 'not JSON' },
  {
    name: 'an open that is deep',
    bytes: frame('open', 9, 0, Buffer.from(`{"mailbox":${'['.repeat(MiB)}`)),
    message: 'JSON of',
  },
  {
    name: 'one send number twice',
    bytes: Buffer.concat([0, 1, 2, 3, 3].map((number) => sendFrame(1, number))),
    left: ['kept', null],
    message: 'send 3 of channel 1 came twice',
  },
  {
    name: 'one pull number twice',
    bytes: Buffer.concat([7, 8, 8].map((number) => pullFrame(1, number))),
    message: 'pull 8 of channel 1 came twice',
  },
  {
    name: 'a pull on an inbox',
    bytes: pullFrame(2, 0),
    message: "a pull on '@victim', which only its own process empties",
  },
];

/** Channel 1 is a mailbox of capacity 2 that holds one message, shown to the attacker; channel 2 is the victim's inbox. */
async function prepared(victim: Victim, link: RawLink, mailbox: string): Promise<void> {
  await victim.call('receiver', mailbox, { capacity: 2 });
  await victim.call('sender', mailbox);
  await victim.call('send', mailbox, 'kept');
  link.write(frame('open', 1, 0, { mailbox }), frame('open', 2, 0, { mailbox: '@victim' }));
  await link.next('opened', 2);
  link.write(pullFrame(1, 1000));
  await link.next('deliver');
}

async function drained(victim: Victim, mailbox: string): Promise<unknown[]> {
  const bodies: unknown[] = [];
  for (;;) {
    const message = await victim.call<{ body: unknown } | null>('tryReceive', mailbox);
    if (message === null) return bodies;
    bodies.push(message.body);
  }
}

/** Nothing that the link had under way is left in the mailbox: what comes out, and what then goes in and out. */
async function contents(victim: Victim, mailbox: string): Promise<unknown[]> {
  const before = await drained(victim, mailbox);
  const fits: unknown[] = [];
  for (const body of ['x', 'y', 'z']) fits.push(await victim.call('trySend', mailbox, body));
  return [before, fits, await drained(victim, mailbox)];
}

test('breaking the format breaks that link only, with a word to both sides', async () => {
  const scene = await Scene.set();
  const { victim } = scene;
  const rogue = await RawProcess.join('rogue', scene.target);
  for (const [at, { name, bytes, message, left = ['kept'] }] of attacks.entries()) {
    const mailbox = `mailbox-${at}`;
    const link = await rogue.link();
    await prepared(victim, link, mailbox);
    link.write(bytes);
    const told = await link.broken(name);
    expect.soft(told.code, name).toBe('ERR_FRAME');
    expect.soft(told.message, name).toContain(message);
    const warning = await victim.warned('ERR_FRAME', message);
    expect.soft(warning.message, name).toMatch(/^link with process 'rogue' closed: /);
    expect.soft(await contents(victim, mailbox), name).toEqual([left, [true, true, false], ['x', 'y']]);
    await scene.exchange();
  }
  await scene.survived();
});
