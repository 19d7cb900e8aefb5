/** `encodeInto` and `decodeChecked`: the same bytes and the same values as `encode` and `decode`, in memory of the caller's. */
import { deepStrictEqual } from 'node:assert';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Codec, codecFor, defaultLimits as limits } from '../src/codec.js';
import { anyBody, bodies } from './codec-bodies.js';

const msgpack = codecFor('msgpack') as Required<Codec>;
const FILL = 0xee;

/** Encodes into a target with exactly the room that it takes, one byte less, and plenty. */
function expectSame(codec: Required<Codec>, body: unknown, at: number): void {
  const bytes = Buffer.from(codec.encode(body, limits));
  for (const spare of [-1, 0, 1, 20, 70_000]) {
    if (bytes.length + spare < 0) continue;
    const target = new Uint8Array(at + bytes.length + spare).fill(FILL);
    const length = codec.encodeInto(body, limits, target, at);
    expect(length).toBe(spare < 0 ? -1 : bytes.length);
    expect(target.subarray(0, at).every((byte) => byte === FILL)).toBe(true);
    if (spare < 0) continue;
    expect(bytes.equals(target.subarray(at, at + length))).toBe(true);
    deepStrictEqual(codec.decodeChecked(target, limits, at, at + length), codec.decode(bytes));
    codec.verifyRange?.(target, limits, at, at + length);
    if (codec.decodeRange) deepStrictEqual(codec.decodeRange(target, at, at + length), codec.decode(bytes));
  }
}

describe('a body in memory of the caller', () => {
  it.each(Object.entries(bodies))('as msgpack: %s', (_name, [sent]) => expectSame(msgpack, sent, 3));

  it('as msgpack: any value at all', () => {
    fc.assert(
      fc.property(anyBody, fc.nat(9), (body, at) => expectSame(msgpack, body, at)),
      { numRuns: 500 },
    );
  });

  it.each<[string, Codec, unknown]>([
    ['json', codecFor('json'), { a: [1, 'ä', { b: null }], c: '😀'.repeat(50) }],
    ['raw', codecFor('raw'), Buffer.from('bytes')],
  ])('as %s', (_name, codec, body) => expectSame(codec as Required<Codec>, body, 5));

  it('that is a view into other memory, which stays as it is', () => {
    const memory = Buffer.alloc(300, FILL);
    const target = memory.subarray(100, 200);
    const length = msgpack.encodeInto({ text: 'x'.repeat(50) }, limits, target, 10);
    expect(memory.subarray(0, 110).every((byte) => byte === FILL)).toBe(true);
    expect(memory.subarray(200).every((byte) => byte === FILL)).toBe(true);
    expect(msgpack.decodeChecked(memory, limits, 110, 110 + length)).toEqual({ text: 'x'.repeat(50) });
  });
});

it('bytes that are no body are refused alike wherever they lie', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(9), (bytes, at) => {
      const target = Buffer.concat([Buffer.alloc(at, 0x91), bytes, Buffer.alloc(9)]);
      const said = (run: () => void): string => {
        try {
          run();
          return 'nothing';
        } catch (error) {
          return (error as Error).message;
        }
      };
      const asItIs = said(() => msgpack.verify(bytes, limits));
      expect(said(() => msgpack.verifyRange(target, limits, at, at + bytes.length))).toBe(asItIs);
    }),
    { numRuns: 2000 },
  );
});

it('a body with a key that no map can carry is measured by how it is written then', () => {
  const key = (length: number): string => '漢'.repeat(length);
  const body = { [key(30)]: 0, [key(29)]: 0, [key(28)]: 0, a: Buffer.alloc(1000), '\ud800': 0 };
  const { length } = msgpack.encode(body, limits);
  expect(msgpack.encode(body, { ...limits, maxMessageBytes: length })).toHaveLength(length);
  expect(msgpack.encodeInto(body, limits, new Uint8Array(length), 0)).toBe(length);
});

describe('encodeInto refuses what encode refuses', () => {
  const target = Buffer.alloc(1000);

  it.each([
    ['msgpack', codecFor('msgpack'), { a: [() => 1] }, /^body\.a\[0\] is a function/],
    ['json', codecFor('json'), { a: [1n] }, /^body\.a\[0\] is a bigint/],
    ['raw', codecFor('raw'), 'text', /Uint8Array/],
  ] as const)('of %s', (_name, codec, body, message) => {
    const into = codec as Required<Codec>;
    expect(() => into.encodeInto(body, limits, target, 0)).toThrow(
      expect.objectContaining({ code: 'ERR_UNSERIALIZABLE', message: expect.stringMatching(message) }),
    );
  });

  it.each(['msgpack', 'json', 'raw'] as const)('of %s: one byte above maxMessageBytes', (name) => {
    const codec = codecFor(name) as Required<Codec>;
    const body = name === 'json' ? 'x'.repeat(50) : Buffer.alloc(50);
    const { length } = codec.encode(body, limits);
    expect(codec.encodeInto(body, { ...limits, maxMessageBytes: length }, target, 0)).toBe(length);
    expect(() => codec.encodeInto(body, { ...limits, maxMessageBytes: length - 1 }, target, 0)).toThrow(
      expect.objectContaining({ code: 'ERR_TOO_LARGE' }),
    );
  });
});

describe('a getter that encodes into the same memory', () => {
  it.each([
    ['small', 10],
    ['large', 100_000],
  ])('%s bodies', (_name, size) => {
    const target = Buffer.alloc(3 * size + 1000);
    const inner = { inner: 'i'.repeat(size) };
    const body = {
      before: 'b'.repeat(size),
      get during() {
        const aside = Buffer.alloc(2 * size + 100);
        const length = msgpack.encodeInto(inner, limits, aside, 1);
        return [
          msgpack.decodeChecked(aside, limits, 1, 1 + length),
          msgpack.decode(msgpack.encode(inner, limits)),
        ];
      },
      after: 'a',
    };
    const length = msgpack.encodeInto(body, limits, target, 7);
    const expected = { before: body.before, during: [inner, inner], after: 'a' };
    if (length >= 0) deepStrictEqual(msgpack.decodeChecked(target, limits, 7, 7 + length), expected);
    else expect(size).toBe(100_000);
    deepStrictEqual(msgpack.decode(msgpack.encode(body, limits)), expected);
  });
});
