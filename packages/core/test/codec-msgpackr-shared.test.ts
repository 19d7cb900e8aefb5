import { deepStrictEqual } from 'node:assert';
// biome-ignore lint/style/noRestrictedImports: the application's own use of msgpackr, in the same process.
import { addExtension, Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { codecFor, defaultLimits as limits } from '../src/codec.js';

const codec = codecFor('msgpack');
const large = { text: 'x'.repeat(100_000), list: new Array(1000).fill({ a: 1 }) };

describe('an application that uses msgpackr itself', () => {
  const packr = new Packr();

  it('keeps the buffers it was given', () => {
    const mine: [Buffer, string][] = [];
    for (let i = 0; i < 500; i++) {
      const packed = packr.pack({ i, text: 'mine'.repeat(i % 50) });
      mine.push([packed, packed.toString('hex')]);
      codec.encode(i % 10 === 0 ? large : { small: i }, limits);
    }
    for (const [packed, hex] of mine) expect(packed.toString('hex')).toBe(hex);
  });

  it('can register its own encodings without changing ours', () => {
    class Wrong {}
    const wrong = (): Wrong => new Wrong();
    addExtension({ Class: Date, type: 40, pack: () => Buffer.from('w'), unpack: wrong });
    addExtension({ Class: Uint8Array, type: 41, pack: () => Buffer.from('w'), unpack: wrong });
    for (const type of [0x42, 0x73, 0x74, 0xff, 1, 2, 3]) addExtension({ type, unpack: wrong });
    const body = {
      at: new Date(5),
      bytes: Buffer.from('b'),
      set: new Set([1]),
      view: new Int8Array(3),
      big: 2n ** 99n,
    };
    const bytes = codec.encode(body, limits);
    codec.verify(bytes, limits);
    deepStrictEqual(codec.decode(bytes), body);
  });

  it('can send from within its own encoding', () => {
    for (const inner of [{ small: 1 }, large]) {
      const sent: unknown[] = [];
      const body = {
        before: 'b'.repeat(3000),
        get during() {
          sent.push(codec.decode(codec.encode(inner, limits)));
          return 'd';
        },
        after: 'a'.repeat(3000),
      };
      deepStrictEqual(packr.unpack(packr.pack(body)), {
        before: body.before,
        during: 'd',
        after: body.after,
      });
      expect(sent.length).toBeGreaterThan(0);
      for (const arrived of sent) deepStrictEqual(arrived, inner);
    }
  });
});

describe('a getter that sends', () => {
  it.each([
    ['a small body inside a small one', 1, 1],
    ['a large body inside a small one', 1, 100_000],
    ['a small body inside a large one', 100_000, 1],
    ['a large body inside a large one', 100_000, 120_000],
  ])('%s', (_name, outer, inner) => {
    let reads = 0;
    const body = {
      before: 'b'.repeat(outer),
      get during() {
        reads++;
        const text = 'i'.repeat(inner);
        return codec.decode(codec.encode({ text }, limits));
      },
      after: 'a'.repeat(outer),
    };
    deepStrictEqual(codec.decode(codec.encode(body, limits)), { ...body });
    expect(reads).toBeGreaterThan(1);
    deepStrictEqual(codec.decode(codec.encode(large, limits)), large);
  });
});
