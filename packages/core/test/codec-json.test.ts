import { deepStrictEqual } from 'node:assert';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codecFor, defaultLimits as limits } from '../src/codec.js';

const codec = codecFor('json');
const utf8 = (text: string): Uint8Array => Buffer.from(text);

function passOver(body: unknown): unknown {
  const bytes = codec.encode(body, limits);
  codec.verify(bytes, limits);
  return codec.decode(bytes);
}

describe('codec json', () => {
  it('passes any JSON value unchanged', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (body) => {
        deepStrictEqual(passOver(body), JSON.parse(JSON.stringify(body)));
      }),
      { numRuns: 1000 },
    );
  });

  it('writes what JSON.stringify writes', () => {
    const body = { at: new Date(5), ä: ['漢', '\ud800', 1e21, -0], gone: undefined, [Symbol('s')]: 1 };
    expect(Buffer.from(codec.encode(body, limits)).toString()).toBe(JSON.stringify(body));
  });

  it.each<[string, unknown, unknown]>([
    ['a Date as its ISO string', new Date(5), '1970-01-01T00:00:00.005Z'],
    ['a URL as its text', [new URL('http://localhost/a')], ['http://localhost/a']],
    [
      'toJSON once, with its key',
      { a: { toJSON: (key: string) => ({ key, toJSON: null }) } },
      { a: { key: 'a', toJSON: null } },
    ],
    [
      'toJSON that answers the object itself',
      new (class Self {
        a = 1;
        toJSON() {
          return this;
        }
      })(),
      { a: 1 },
    ],
    [
      'a class instance as a plain object',
      [
        new (class Point {
          x = 1;
          y = undefined;
        })(),
      ],
      [{ x: 1 }],
    ],
    ['a property that is undefined not at all', { a: undefined, b: 1 }, { b: 1 }],
    ['-0 as 0', [-0], [0]],
    ['an own key __proto__ as such', JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":1}')],
    [
      'an own key __proto__ beside a Date',
      Object.assign(JSON.parse('{"__proto__":1}'), { at: new Date(0) }),
      JSON.parse('{"__proto__":1,"at":"1970-01-01T00:00:00.000Z"}'),
    ],
    ['lone surrogates unchanged', '\ud800', '\ud800'],
  ])('passes %s', (_name, sent, arrives) => {
    deepStrictEqual(passOver(sent), arrives);
  });

  it.each<[string, unknown, string]>([
    ['undefined as body', undefined, 'body is undefined'],
    ['undefined in an array', { a: [1, undefined] }, 'body.a[1] is undefined'],
    ['a hole', new Array(2), 'body[0] is undefined'],
    ['a function', { a: { b: () => 1 } }, 'body.a.b is a function'],
    ['a symbol', [Symbol('s')], 'body[0] is a symbol'],
    ['a bigint', { items: [{ id: 1n }] }, 'body.items[0].id is a bigint'],
    ['NaN', { a: Number.NaN }, 'body.a is NaN'],
    ['an infinity', [Number.NEGATIVE_INFINITY], 'body[0] is -Infinity'],
    ['an invalid Date', { at: new Date(Number.NaN) }, 'body.at is an invalid Date'],
    ['a Map', { a: new Map([[1, 2]]) }, 'body.a is a Map'],
    ['a Set', [new Set()], 'body[0] is a Set'],
    ['a Buffer', { a: Buffer.from('x') }, 'body.a is binary'],
    ['a typed array', [new Float64Array(1)], 'body[0] is binary'],
    ['a RegExp', [/a/], 'body[0] is a RegExp'],
    ['a Promise', { a: Promise.resolve() }, 'body.a is a Promise'],
    ['toJSON that answers a function', [{ toJSON: () => () => 1 }], 'body[0] is a function'],
  ])('refuses %s', (_name, body, message) => {
    expect(() => codec.encode(body, limits)).toThrow(
      expect.objectContaining({ code: 'ERR_UNSERIALIZABLE', message: expect.stringContaining(message) }),
    );
  });

  it('respects a toJSON that the application gave to bigints', () => {
    const prototype = BigInt.prototype as { toJSON?: () => string };
    prototype.toJSON = function (this: bigint) {
      return this.toString();
    };
    try {
      expect(passOver([7n])).toEqual(['7']);
    } finally {
      delete prototype.toJSON;
    }
  });

  it('names the key path of a cycle and of what throws', () => {
    const body: { a: unknown[] } = { a: [] };
    body.a.push(body);
    expect(() => codec.encode(body, limits)).toThrow(/^body\.a\[0\] refers back to body:/);
    const cause = new Error('no');
    const failing = {
      toJSON() {
        throw cause;
      },
    };
    expect(() => codec.encode({ list: [failing] }, limits)).toThrow(
      expect.objectContaining({
        code: 'ERR_UNSERIALIZABLE',
        cause,
        message: expect.stringMatching(/^body\.list\[0\] /),
      }),
    );
  });

  it('bounds size, depth and values at the sender', () => {
    const { length } = codec.encode('x'.repeat(100), limits);
    const tight = { ...limits, maxMessageBytes: length };
    codec.verify(codec.encode('x'.repeat(100), tight), tight);
    for (const text of ['x'.repeat(101), `${'x'.repeat(99)}ä`, '"'.repeat(60)]) {
      expect(() => codec.encode(text, tight)).toThrow(
        expect.objectContaining({ code: 'ERR_TOO_LARGE', message: expect.stringContaining(`(${length})`) }),
      );
    }
    expect(() => codec.encode([[[1]]], { ...limits, maxDepth: 2 })).toThrow(/maxDepth \(2/);
    expect(() => codec.encode([1, 2, 3], { ...limits, maxNodes: 3 })).toThrow(
      expect.objectContaining({ code: 'ERR_TOO_LARGE' }),
    );
    expect(() => codec.encode({ a: new Array(2 ** 31) }, limits)).toThrow(/maxNodes/);
  });

  it('takes brackets and quotes within strings for text', () => {
    const body = { '"[{': ['\\"', `\\${'["'.repeat(500)}`, '\\'] };
    expect(passOver(body)).toEqual(body);
  });

  it('counts alike at both ends', () => {
    const body = { a: [1, 'two', { three: null }, []], b: {} };
    const bytes = codec.encode(body, { ...limits, maxNodes: 11 });
    codec.verify(bytes, { ...limits, maxNodes: 11, maxDepth: 3 });
    expect(() => codec.encode(body, { ...limits, maxNodes: 10 })).toThrow(/maxNodes/);
    expect(() => codec.verify(bytes, { ...limits, maxNodes: 10 })).toThrow(/maxNodes/);
    expect(() => codec.verify(bytes, { ...limits, maxDepth: 2 })).toThrow(/maxDepth/);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['nothing', utf8(''), /./],
    ['bytes after the body', utf8('{} {}'), /./],
    ['a comma too many', utf8('[1,]'), /./],
    ['a string without end', utf8('["a'), /does not end/],
    ['an escape at the end', utf8('["a\\'), /does not end/],
    ['a byte order mark', utf8('\ufeff{}'), /./],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), /UTF-8/],
    ['depth 200,000', utf8('['.repeat(200_000) + ']'.repeat(200_000)), /maxDepth \(128\), at byte 128/],
    ['depth 200,000 of objects', utf8('{"a":'.repeat(200_000)), /maxDepth/],
    ['2 million values', utf8(`[${'0,'.repeat(2_000_000)}0]`), /maxNodes \(1048576\)/],
    ['closing before opening', utf8(']'.repeat(1000)), /./],
  ])('refuses %s', (_name, bytes, reason) => {
    expect(() => codec.verify(bytes, limits)).toThrow(
      expect.objectContaining({ code: 'ERR_FRAME', message: expect.stringMatching(reason) }),
    );
  });

  it('decodes whatever it accepts', () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc
        .array(
          fc.constantFrom(
            '[',
            ']',
            '{',
            '}',
            '"',
            '\\',
            ',',
            ':',
            '1',
            '-',
            'e5',
            'null',
            'a',
            ' ',
            '"a"',
            '{"a":',
            '"__proto__":',
          ),
        )
        .map((parts) => utf8(parts.join(''))),
    );
    fc.assert(
      fc.property(bytes, (given) => {
        try {
          codec.verify(given, limits);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_FRAME' });
          return;
        }
        codec.decode(given);
      }),
      { numRuns: 10_000 },
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});
