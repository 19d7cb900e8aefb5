/** Our encoder against the one before it, a walk and msgpackr, which the other side may still be running. */
import { deepStrictEqual } from 'node:assert';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodecId, type CodecLimits, codecFor, defaultLimits as limits } from '../src/codec.js';
import { PigeonholeError } from '../src/errors.js';
import { anyBody, bodies } from './codec-bodies.js';
import { createMsgpackCodec } from './reference/msgpack.js';

const codec = codecFor('msgpack');
const former = createMsgpackCodec(CodecId.msgpack);
type Encode = (body: unknown, limits: CodecLimits) => Uint8Array;

/** What comes out, or the code of what is thrown. */
function outcome(encode: Encode, body: unknown, given: CodecLimits): string {
  try {
    return Buffer.from(encode(body, given)).toString('hex');
  } catch (error) {
    if (error instanceof PigeonholeError) return error.code;
    throw error;
  }
}

function expectAlike(body: unknown, given: CodecLimits = limits): void {
  expect(outcome(codec.encode, body, given)).toBe(outcome(former.encode, body, given));
}

describe('the same bytes as before', () => {
  it.each(Object.entries(bodies))('%s', (_name, [sent]) => expectAlike(sent));

  it('for any value at all', () => {
    fc.assert(
      fc.property(anyBody, (body) => expectAlike(body)),
      { numRuns: 3000 },
    );
  });

  it('which decode to the same value', () => {
    fc.assert(
      fc.property(anyBody, (body) => {
        deepStrictEqual(former.decode(codec.encode(body, limits)), body);
        deepStrictEqual(codec.decode(former.encode(body, limits)), body);
      }),
      { numRuns: 1000 },
    );
  });

  it('for texts and numbers at every border', () => {
    for (const unit of ['x', 'ä', '漢', '😀', '\ud800'])
      for (let length = 0; length < 140; length++) expectAlike(unit.repeat(length));
    for (const length of [250, 256, 1000, 2047, 2048, 2049, 21_845, 21_846, 65_535, 65_536])
      for (const unit of ['x', 'ä', '漢']) expectAlike([unit.repeat(length), `a${unit.repeat(length)}`, -1]);
    for (let bits = 0; bits < 54; bits++)
      for (const off of [-1, 0, 1]) expectAlike([2 ** bits + off, -(2 ** bits) + off, 2 ** bits + off / 2]);
  });

  it('for objects of every size about the borders', () => {
    for (const size of [0, 1, 14, 15, 16, 17, 31, 32, 65_534, 65_535, 65_536, 65_537]) {
      const entries = Array.from({ length: size }, (_, i) => [`key${i}`, i % 7 === 0 ? { i } : -0]);
      expectAlike([Object.fromEntries(entries), 'behind']);
    }
  });

  it('for keys of every length and kind, more than are kept', () => {
    for (let length = 0; length < 70; length++)
      expectAlike({ ['k'.repeat(length)]: 1, ['ä'.repeat(length)]: { ['y'.repeat(length)]: 2 } });
    for (let i = 0; i < 3000; i++) expectAlike({ [`id-${i}`]: i, [`other-${i}`]: [{ [`in-${i}`]: 'x' }] });
  });

  it('for objects whose keys follow one another in changing order', () => {
    const name = fc.constantFrom(...'abcdefgh');
    fc.assert(
      fc.property(fc.array(fc.uniqueArray(name)), (rows) => {
        expectAlike(
          rows.map((names) => Object.fromEntries(names.map((key, i) => [key, { [key]: [{ i }] }]))),
        );
      }),
      { numRuns: 500 },
    );
  });
});

describe('the same limits as before', () => {
  it('of bytes, depth and values', () => {
    const tight = fc.record({ maxMessageBytes: fc.nat(60), maxDepth: fc.nat(4), maxNodes: fc.nat(20) });
    const verdict = (encode: Encode, body: unknown, given: CodecLimits): boolean =>
      !outcome(encode, body, given).startsWith('ERR_');
    fc.assert(
      fc.property(anyBody, tight, (body, given) => {
        expect(verdict(codec.encode, body, given)).toBe(verdict(former.encode, body, given));
      }),
      { numRuns: 3000 },
    );
  });

  it('for nested keys that no map can carry, at once', () => {
    let body: unknown = 1;
    for (let i = 0; i < 120; i++) body = JSON.parse(`{"a":${JSON.stringify(body)},"__proto__":0}`);
    expectAlike(body);
  });
});
