/** R28 over a Unix socket: a process that has joined asks for more than anybody should be given. */
import { describe, expect, test } from 'vitest';
import { until, within } from '../../core/test/peers/watch.js';
import { adoptFrame, frame, pullFrame, sendFrame, u32 } from './raw-frames.js';
import type { RawLink } from './raw-link.js';
import { RawProcess } from './raw-process.js';
import { Scene } from './scene.js';
import type { Usage } from './victim.js';

const MiB = 2 ** 20;

interface Flood {
  readonly name: string;
  readonly make: (n: number) => Buffer;
  /** Where in a frame n is. Default 12, the number; 8 is the channel. */
  readonly at?: number;
  /** How many would come, were they not stopped. */
  readonly count: number;
  /** What the victim says when it stops them. */
  readonly message: string;
  /** The most that the victim may hold meanwhile. */
  readonly bound: number;
  /** It never reads an answer. */
  readonly deaf?: boolean;
}

const types = Array.from({ length: 4096 }, (_, n) => 1_000_000 + n);
const SELECTING = Buffer.concat([u32(1), Buffer.from(JSON.stringify({ types, from: null }))]);

const floods: readonly Flood[] = [
  {
    name: 'pings, by one that reads no answer',
    make: (n) => frame('ping', 0, n),
    count: 2_000_000,
    message: 'asked for more than 8388608 bytes of answers and taken none of them',
    bound: 48 * MiB,
    deaf: true,
  },
  {
    name: 'opens of what is not there, by one that reads no answer',
    make: (n) => frame('open', n + 10, 0, { mailbox: 'nowhere' }),
    at: 8,
    count: 1_000_000,
    message: 'asked for more than 8388608 bytes of answers',
    bound: 64 * MiB,
    deaf: true,
  },
  {
    name: 'tries to send, by one that reads no answer',
    make: (n) => sendFrame(1, n, { wait: false }),
    count: 1_000_000,
    message: 'asked for more than 8388608 bytes of answers',
    bound: 48 * MiB,
    deaf: true,
  },
  {
    name: 'pulls that wait',
    make: (n) => pullFrame(1, n),
    count: 1_500_000,
    message: 'more than 1048576 calls waiting here',
    bound: 512 * MiB,
  },
  {
    name: 'pulls that select by 4,096 types each',
    make: (n) => frame('pull', 1, n, SELECTING),
    count: 20_000,
    message: 'more than 1048576 calls waiting here',
    bound: 512 * MiB,
  },
  {
    name: 'sends of nothing that wait',
    make: (n) => sendFrame(2, n, { codec: 2, body: Buffer.alloc(0) }),
    count: 1_500_000,
    message: 'more than 1048576 calls waiting here',
    bound: 768 * MiB,
  },
  {
    name: 'sends of 64 KiB that wait',
    make: (n) => sendFrame(2, n, { codec: 2, body: Buffer.alloc(65_536) }),
    count: 10_000,
    message: 'more than 536870912 bytes of messages waiting for space',
    bound: 768 * MiB,
  },
];

const held = ({ heapUsed, external }: Usage): number => heapUsed + external;

/** Adds to a number in each of these frames: to make all of them anew takes longer than the victim takes to refuse them. */
function raise(frames: Buffer, at: number, by: number): void {
  for (let start = 0; start < frames.length; start += 4 + frames.readUInt32LE(start))
    frames.writeUInt32LE(frames.readUInt32LE(start + at) + by, start + at);
}

/** Writes pieces as long as they are taken, and stops when the link is over. */
async function pour(link: RawLink, { make, at = 12, count, deaf }: Flood): Promise<void> {
  if (deaf) link.socket.pause();
  let over = false;
  const ended = new Promise<void>((resolve) => link.socket.once('close', resolve)).then(() => {
    over = true;
  });
  const size = make(0).length > 1000 ? 100 : 10_000;
  const piece = Buffer.concat(Array.from({ length: size }, (_, n) => make(n)));
  for (let sent = 0; sent < count && !over; sent += size) {
    if (sent > 0) raise(piece, at, size);
    const taken = new Promise<void>((resolve) => link.socket.write(piece, () => resolve()));
    await within(Promise.race([taken, ended]), 'the victim to take or to refuse more');
  }
}

/** A link whose channel 1 is an empty mailbox, and channel 2 a full one. */
async function prepared(scene: Scene, rogue: RawProcess): Promise<RawLink> {
  const { victim } = scene;
  await victim.call('receiver', 'empty');
  await victim.call('receiver', 'full', { capacity: 1 });
  await victim.call('sender', 'full');
  await victim.call('send', 'full', 'first');
  const link = await rogue.link();
  link.write(frame('open', 1, 0, { mailbox: 'empty' }), frame('open', 2, 0, { mailbox: 'full' }));
  await link.next('opened', 2);
  return link;
}

describe('a flood', () => {
  test.each(floods)('of $name is stopped', async (flood) => {
    const scene = await Scene.set();
    const { victim } = scene;
    const rogue = await RawProcess.join('rogue', scene.target);
    const link = await prepared(scene, rogue);
    const before = await victim.usage();
    await pour(link, flood);
    await victim.warned('ERR_FRAME', flood.message);
    const after = await victim.usage();
    expect(after.peak - before.peak).toBeLessThan(flood.bound);
    link.destroy();
    await until(async () => held(await victim.usage()) - held(before) < 16 * MiB, 'the victim to let go');
    // What the flood left waiting is gone: nobody stands before the honest, in either mailbox.
    expect(await victim.call('tryReceive', 'full')).toMatchObject({ body: 'first' });
    expect(await victim.call('tryReceive', 'full')).toBeNull();
    while ((await victim.call('tryReceive', 'empty')) !== null);
    await victim.call('sender', 'empty');
    await victim.call('send', 'empty', 'mine');
    expect(await victim.call('tryReceive', 'empty')).toMatchObject({ body: 'mine' });
    await scene.survived();
  });

  test('of messages to adopt is kept within the bytes that a mailbox may hold', async () => {
    const maxBytes = 2 * MiB;
    const scene = await Scene.set({ mailboxes: { unhosted: { maxBytes }, here: { maxBytes } } });
    const { victim } = scene;
    await victim.call('sender', 'unhosted');
    await victim.call('receiver', 'here');
    const rogue = await RawProcess.join('rogue', scene.target);
    const link = await rogue.link();
    const before = await victim.usage();
    for (const mailbox of ['unhosted', 'here', 'nowhere'])
      for (let at = 0; at < 200_000; at += 10_000)
        link.write(
          ...Array.from({ length: 10_000 }, (_, n) =>
            adoptFrame(at + n, mailbox, 'somebody', { codec: 2, body: Buffer.alloc(100) }),
          ),
        );
    link.write(frame('ping', 0, 1));
    await link.next('pong');
    // What fits is in the mailbox and confirmed, where it is hosted, or can be, and nowhere else.
    expect(link.all('adopted').length).toBeLessThanOrEqual(2 * Math.floor(maxBytes / 100));
    expect(link.all('adopted').length).toBeGreaterThanOrEqual(Math.floor(maxBytes / 100));
    expect(held(await victim.usage()) - held(before)).toBeLessThan(24 * MiB);
    await scene.exchange();
    link.destroy();
    await scene.survived();
  });

  test('of channels is cut at 65,536 on one link', async () => {
    const scene = await Scene.set();
    const rogue = await RawProcess.join('rogue', scene.target);
    const link = await rogue.link();
    const before = await scene.victim.usage();
    for (let at = 0; at < 70_000; at += 10_000)
      link.write(...Array.from({ length: 10_000 }, (_, n) => frame('open', at + n, 0, { mailbox: 'echo' })));
    await until(() => link.frames.length >= 70_001, 'every open to be answered');
    expect(link.all('opened')).toHaveLength(65_536);
    const refusal = JSON.parse(link.all('refused')[0]?.rest.toString() ?? '') as object;
    expect(refusal).toMatchObject({ code: 'ERR_OS_LIMIT' });
    expect(held(await scene.victim.usage()) - held(before)).toBeLessThan(96 * MiB);
    link.destroy();
    await scene.survived();
  });

  test('of links is cut at 8 with one process, each with one frame under way', async () => {
    const scene = await Scene.set();
    const rogue = await RawProcess.join('rogue', scene.target);
    const before = await scene.victim.usage();
    const links: RawLink[] = [];
    for (let n = 0; n < 8; n++) {
      const link = await rogue.link();
      link.write(u32(16 * MiB), Buffer.alloc(100_000));
      links.push(link);
    }
    for (let n = 0; n < 20; n++) {
      const link = await rogue.link();
      expect(await link.broken('a ninth link')).toMatchObject({ code: 'ERR_OS_LIMIT' });
    }
    expect(held(await scene.victim.usage()) - held(before)).toBeLessThan(8 * 16 * MiB + 16 * MiB);
    await scene.exchange();
    for (const link of links) link.destroy();
    await until(
      async () => held(await scene.victim.usage()) - held(before) < 16 * MiB,
      'the victim to let go',
    );
    const again = await rogue.link();
    again.write(frame('ping', 0, 1));
    await again.next('pong');
    await scene.survived();
  });
});
