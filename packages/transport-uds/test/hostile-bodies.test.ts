/** R28 over a Unix socket: bodies that would cost a careless decoder its stack, its memory or its sanity. */
import { describe, expect, test } from 'vitest';
import { deliverFrame, frame, sendFrame } from './raw-frames.js';
import type { RawLink } from './raw-link.js';
import { RawProcess } from './raw-process.js';
import { Scene } from './scene.js';

const MiB = 2 ** 20;
/** More than the largest frame, and far less than what any of these bodies announces. */
const BOUND = 64 * MiB;
const [MSGPACK, JSON_TEXT, RAW, CUSTOM] = [0, 1, 2, 3] as const;

const hex = (...pieces: readonly string[]): Buffer => Buffer.from(pieces.join('').replaceAll(' ', ''), 'hex');
const text = (value: string): string => Buffer.from(value).toString('hex');

interface Bomb {
  readonly name: string;
  readonly body: Uint8Array;
  readonly codec?: number;
  readonly message: string;
}

/** msgpackr's own extensions: records (which end in `new Function`), RegExp, Error, Set, pointers, typed arrays, big numbers, dates. */
const extensions = ['r', 'x', 'e', 's', 'i', 'p', 't', 'B', 'f', 'S', '\u00ff'].map((letter): Bomb => {
  const type = letter.charCodeAt(0).toString(16).padStart(2, '0');
  const body = hex('d4', type, '40', '92 a161 a162 01 02');
  return { name: `msgpackr extension '${letter}'`, body, message: 'is not part of the format' };
});

const bombs: readonly Bomb[] = [
  { name: 'nothing', body: hex(), message: 'the body ends early' },
  { name: '200,000 arrays in one another', body: Buffer.alloc(200_000, 0x91), message: 'nested deeper than' },
  {
    name: '200,000 maps in one another',
    body: Buffer.alloc(600_000, hex('81 a161')),
    message: 'nested deeper than',
  },
  {
    name: 'array32 of 20 million in 5 bytes',
    body: hex('dd 01312d00'),
    message: '20000000 values are announced',
  },
  {
    name: 'map32 of 2^32 - 1 in 5 bytes',
    body: hex('df ffffffff'),
    message: '8589934590 values are announced',
  },
  { name: 'array16 in array16', body: Buffer.alloc(72_000, hex('dc ffff')), message: 'more than maxNodes' },
  { name: 'array16 in array16, filled', body: filled(), message: 'maxNodes' },
  { name: 'str32 of 4 GiB', body: hex('db ffffffff'), message: '4294967295 bytes are announced' },
  { name: 'bin32 of 2 GiB', body: hex('c6 80000000'), message: '2147483648 bytes are announced' },
  { name: 'ext32 of 4 GiB', body: hex('c9 ffffffff 01'), message: 'is not part of the format' },
  { name: 'more than a million values', body: many(), message: 'more than maxNodes' },
  { name: '0xC1', body: hex('c1'), message: 'token 0xc1 is not part of the format' },
  { name: '0xC1 inside', body: hex('92 01 c1'), message: 'token 0xc1' },
  { name: 'a string that is not UTF-8', body: hex('a2 c328'), message: 'a string is not UTF-8' },
  { name: 'a string of surrogates', body: hex('a3 eda080'), message: 'a string is not UTF-8' },
  {
    name: 'a key __proto__',
    body: hex('81 a9', text('__proto__'), '81 a161 01'),
    message: 'a key is __proto__',
  },
  { name: 'a key that is a number', body: hex('81 01 01'), message: 'a key is not a string' },
  { name: 'two values', body: hex('c0 c0'), message: '1 bytes follow the body' },
  { name: 'our extension of no kind', body: hex('d4 7e 00 91 63'), message: 'is not part of the format' },
  { name: 'our extension of an odd Map', body: hex('d4 7e 00 92 00 01'), message: 'a key lacks its value' },
  {
    name: 'half a Float64Array',
    body: hex('d4 7e 00 93 05 08 c4 04 00000000'),
    message: 'are not a whole Float64Array',
  },
  { name: 'numbers chosen to collide', body: collisions(), message: 'Map keys or Set values' },
  ...extensions,
  { name: 'JSON, deep', codec: JSON_TEXT, body: Buffer.alloc(200_000, '['), message: 'nested deeper than' },
  { name: 'JSON, broken', codec: JSON_TEXT, body: Buffer.from('{"a":'), message: 'Not a JSON body' },
  { name: 'JSON, not UTF-8', codec: JSON_TEXT, body: hex('22 ff 22'), message: 'it is not UTF-8' },
  {
    name: 'JSON of many values',
    codec: JSON_TEXT,
    body: Buffer.alloc(3 * MiB, '[0,'),
    message: 'nested deeper',
  },
  {
    name: 'raw, a byte too long',
    codec: RAW,
    body: Buffer.alloc(16 * MiB + 1),
    message: 'exceeds maxMessageBytes',
  },
];

/** 15 arrays of 65,535 arrays, of which the innermost hold what they announce. */
function filled(): Buffer {
  const inner = Buffer.concat([hex('dc ffff'), Buffer.alloc(65_535, 0xc0)]);
  return Buffer.concat([hex('dc 0020'), ...Array.from({ length: 32 }, () => inner)]);
}

function many(): Buffer {
  const body = Buffer.alloc(5 + 2 * MiB, 0xc0);
  body[0] = 0xdd;
  body.writeUInt32BE(2 * MiB, 1);
  return body;
}

/** A Set of 100,000 different 64-bit numbers that V8 hashes alike. */
function collisions(): Buffer {
  const count = 100_000;
  const body = Buffer.alloc(9 + 9 * count);
  body.set(hex('d4 7e 00 dd'), 0);
  body.writeUInt32BE(count + 1, 4);
  body[8] = 1;
  for (let n = 0; n < count; n++) {
    body[9 + 9 * n] = 0xcf;
    body.writeBigUInt64BE((BigInt(n) << 44n) | 1n, 10 + 9 * n);
  }
  return body;
}

async function opened(rogue: RawProcess): Promise<RawLink> {
  const link = await rogue.link();
  link.write(frame('open', 1, 0, { mailbox: 'm' }));
  await link.next('opened');
  return link;
}

describe('a hostile body', () => {
  test('ends the link that it came on, before it is decoded', async () => {
    const scene = await Scene.set();
    const { victim } = scene;
    await victim.call('receiver', 'm');
    const rogue = await RawProcess.join('rogue', scene.target);
    const before = await victim.usage();
    for (const { name, body, codec = MSGPACK, message } of bombs) {
      const link = await opened(rogue);
      link.write(sendFrame(1, 0, { body, codec }));
      const told = await link.broken(name);
      expect.soft(told.code, name).toBe('ERR_FRAME');
      expect.soft(told.message, name).toContain(message);
      await victim.warned('ERR_FRAME', message);
      await scene.exchange();
    }
    expect(await victim.call('tryReceive', 'm')).toBeNull();
    const after = await victim.usage();
    expect(after.peak - before.peak).toBeLessThan(BOUND);
    expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(4 * MiB);
    await scene.survived();
  });

  test('of a codec that only the sender has is never decoded by another', async () => {
    const scene = await Scene.set();
    const { victim } = scene;
    await victim.call('receiver', 'm');
    const rogue = await RawProcess.join('rogue', scene.target);
    const link = await opened(rogue);
    for (const [number, body] of [hex('d4 72 40 92 a161 a162 01 02'), hex('81 a161 01')].entries()) {
      link.write(sendFrame(1, number, { codec: CUSTOM, body }));
      await expect(victim.call('receive', 'm')).rejects.toMatchObject({ code: 'ERR_CORRUPT' });
    }
    await scene.exchange();
    await scene.survived();
  });

  test('that a host delivers ends the link with the host', async () => {
    const scene = await Scene.set();
    const { victim } = scene;
    const rogue = await RawProcess.join('host', scene.target);
    rogue.host('theirs');
    const opening = victim.call('receiver', 'theirs');
    const link = await rogue.answered();
    const open = await link.next('open');
    link.write(frame('opened', open.channel, 0, { capacity: 8, ordering: 'fifo' }));
    await opening;
    const received = victim.call('receive', 'theirs', { timeout: 2 ** 30 });
    const pull = await link.next('pull');
    link.write(deliverFrame(pull.channel, pull.number, 0, { body: Buffer.alloc(200_000, 0x91) }));
    expect(await link.broken('a deep body')).toMatchObject({ code: 'ERR_FRAME' });
    await victim.warned('ERR_FRAME', "link with process 'host' closed: Not a msgpack body: nested deeper");
    received.catch(() => {});
    await scene.exchange();
    rogue.leave();
    await scene.survived();
  });
});
