import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { codecFor, defaultLimits as limits } from '../src/codec.js';
import { anyBody } from './codec-bodies.js';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const codec = codecFor('msgpack');
const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const repeat = (hex: string, times: number): string => hex.repeat(times);
/** Of a short text in ASCII. */
const bytesOfText = (text: string): string =>
  (0xa0 + text.length).toString(16) + Buffer.from(text).toString('hex');

const accepted: [string, string][] = [
  ['uint64 and int64', '92 cfffffffffffffffff d38000000000000000'],
  ['float32', 'ca3f800000'],
  ['headers longer than needed', 'df00000001 db00000001 61 dd00000000'],
  ['a key twice', '82 a161 01 a161 02'],
  ['a bigint with leading zeros', 'd47e00 92 06 c404 00000001'],
  ['a date beyond the range of Date', 'd47e00 92 04 cb7fefffffffffffff'],
  [
    'a key __proto__ that is defined, not assigned',
    'd47e00 93 02 c412 5f005f00700072006f0074006f005f005f00 80',
  ],
];

const refused: [string, string, RegExp][] = [
  ['nothing', '', /ends early, at byte 0/],
  ['bytes after the body', 'c0 c0', /1 bytes follow/],
  ['0xc1', '91 c1', /0xc1 is not part of the format, at byte 1/],
  ['a cut number', 'cd01', /ends early/],
  ['a cut float', '91 cb0000', /ends early/],
  ['a cut string', 'a3 6161', /3 bytes are announced and 2 remain/],
  ['a cut string length', 'db0000', /ends early/],
  ['a string of 4 GiB', 'dbffffffff 61', /4294967295 bytes are announced and 1 remain/],
  ['a binary of 4 GiB', 'c6ffffffff 00', /4294967295 bytes are announced/],
  ['a cut binary length', 'c5', /ends early/],
  ['array32 of 20 million in 5 bytes', 'dd01312d00', /20000000 values are announced in 0 bytes/],
  ['array32 of 2^32-1', 'ddffffffff', /4294967295 values/],
  ['map32 of 2^32-1', 'dfffffffff 00', /8589934590 values/],
  ['map16 with too few bytes', 'de0002 a161 c0', /4 values are announced in 3 bytes/],
  ['a map without its last value', '81 a161', /2 values are announced in 2 bytes|ends early/],
  ['nested array16', `${repeat('dcffff', 24_000)}`, /maxNodes|announced/],
  ['depth 200,000', `${repeat('91', 200_000)}c0`, /nested deeper than maxDepth \(128\), at byte 129/],
  ['depth 200,000 of maps', `${repeat('81a161', 200_000)}c0`, /nested deeper/],
  ['depth 200,000 of extensions', `${repeat('d47e009201', 200_000)}c0`, /nested deeper/],
  ['2 million values', `dd001e8480${repeat('c0', 2_000_000)}`, /maxNodes \(1048576\)/],
  ['a number as key', '81 01 02', /a key is not a string/],
  ['nil as key', '81 c0 02', /a key is not a string/],
  ['an array as key', '81 90 02', /a key is not a string/],
  ['an extension as key', '81 d40000 02', /a key is not a string/],
  ['__proto__ as key', '81 a95f5f70726f746f5f5f 80', /__proto__/],
  ['__proto__ as key, long form', '81 d9095f5f70726f746f5f5f 80', /__proto__/],
  ['a string that is not UTF-8', 'a2 c328', /not UTF-8/],
  ['an overlong form', 'a2 c080', /not UTF-8/],
  ['a surrogate in UTF-8', 'a3 eda080', /not UTF-8/],
  ['beyond U+10FFFF', 'a4 f4908080', /not UTF-8/],
  ['a character cut off', 'a1 e2', /not UTF-8/],
  ['a character completed by the next value', '92 a1c3 80', /not UTF-8/],
  ['a key that is not UTF-8', '81 a1ff 01', /not UTF-8/],
  ['a long string that is not UTF-8', `d9c8${repeat('61', 199)}ff`, /not UTF-8/],
  ['a record definition of msgpackr', 'd47240 91 a161 01', /extension type 114/],
  ['a two-byte record definition', 'd5724000 91 a161 01', /0xd5 is not part/],
  ['a RegExp of msgpackr', 'd47800 92 a161 a0', /extension type 120/],
  ['an Error of msgpackr', 'd46500 93 a54572726f72 a161 c0', /extension type 101/],
  ['a Set of msgpackr', 'd47300 91 01', /extension type 115/],
  ['bundled strings of msgpackr', 'd66200000000', /0xd6 is not part/],
  ['a reference of msgpackr', 'd67000000001', /0xd6 is not part/],
  ['a typed array of msgpackr', 'c7027401 00', /0xc7 is not part/],
  ['a bigint of msgpackr', 'c70142 01', /0xc7 is not part/],
  ['a timestamp', 'd6ff00000000', /0xd6 is not part/],
  ['an ext8 of our type', 'c7017e 00', /0xc7 is not part/],
  ['an ext32', 'c9000000017e 00', /0xc9 is not part/],
  ['undefined with another filler', 'd40001', /extension type 0/],
  ['our type with another filler', 'd47e01 91 08', /extension type 126/],
  ['our type without an array', 'd47e00 01', /lacks its array/],
  ['our type with an empty array', 'd47e00 90', /./],
  ['our type cut', 'd47e', /ends early/],
  ['an unknown kind', 'd47e00 91 09', /kind 9/],
  ['a kind that is not a number', 'd47e00 91 c0', /kind 192/],
  ['a Map with a key too many', 'd47e00 92 00 01', /lacks its value/],
  ['an object with a key too many', 'd47e00 92 02 c40100', /lacks its value/],
  ['an object whose key is a string', 'd47e00 93 02 a161 01', /a binary was due/],
  ['an object whose key has half a unit', 'd47e00 93 02 c40161 01', /half a UTF-16 unit/],
  ['a text with half a unit', 'd47e00 92 03 c40161', /half a UTF-16 unit/],
  ['a text with a cut binary', 'd47e00 92 03 c40261', /announced/],
  ['a date that is a string', 'd47e00 92 04 a161', /a date is not a number/],
  ['a date that is a bigint', 'd47e00 92 04 cf0000000000000000', /a date is not a number/],
  ['a date in a longer header', 'd47e00 dc0002 04 01', /kind 4/],
  ['a bigint in a longer header', 'd47e00 dc0002 06 c40101', /kind 6/],
  ['a bigint without bytes', 'd47e00 92 06 c400', /a bigint has 0 bytes/],
  ['a typed array without bytes', 'd47e00 92 05 00', /kind 5/],
  ['a typed array of unknown code', 'd47e00 93 05 7f c400', /typed array 127/],
  ['half a number in a typed array', 'd47e00 93 05 08 c407 00000000000000', /not a whole Float64Array/],
  ['a Map of 1000 in 10 bytes', 'd47e00 dc07d1 00 01 01 01', /2000 values are announced/],
];

describe('R28: bytes from outside', () => {
  it.each(refused)('refuses %s', (_name, hex, reason) => {
    expect(() => codec.verify(bytesOf(hex), limits)).toThrow(
      expect.objectContaining({ code: 'ERR_FRAME', message: expect.stringMatching(reason) }),
    );
  });

  it.each(accepted)('accepts %s', (_name, hex) => {
    const bytes = bytesOf(hex);
    codec.verify(bytes, limits);
    expectHarmless(codec.decode(bytes));
  });

  it('refuses keys made to collide, in any form', () => {
    const header = (count: number): string => `dd${(count + 1).toString(16).padStart(8, '0')}`;
    const bigint = (n: number): string => `d47e009206c40a${n.toString(16).padStart(4, '0')}0000000000000005`;
    const flood = Array.from({ length: 9000 }, (_, i) => bigint(i));
    for (const body of [
      `d47e00${header(9000)}01${flood.join('')}`,
      `d47e00${header(18_000)}00${flood.map((key) => `${key}c0`).join('')}`,
      `d47e00${header(40_000)}01${repeat('cb3ff0000000000001', 40_000)}`,
      `d47e00${header(9000)}01${repeat('cf0000000000000001', 9000)}`,
      `92${repeat(`d47e00${header(20_000)}01${repeat('cd0101', 20_000)}`, 2)}`,
    ]) {
      expect(() => codec.verify(bytesOf(body), limits)).toThrow(/more than 16384 numbers/);
    }
  });

  it('refuses too many bytes before it looks at any', () => {
    expect(() => codec.verify(new Uint8Array(11), { ...limits, maxMessageBytes: 10 })).toThrow(
      /11 bytes exceed maxMessageBytes \(10\)/,
    );
  });

  it('keeps the depth within what decoding can bear, whatever maxDepth says', () => {
    const deep = bytesOf(`${repeat('d47e009201', 512)}c0`);
    codec.verify(deep, { ...limits, maxDepth: 1e9 });
    codec.decode(deep);
    const deeper = bytesOf(`${repeat('91', 200_000)}c0`);
    expect(() => codec.verify(deeper, { ...limits, maxDepth: 1e9 })).toThrow(/maxDepth \(512\)/);
  });

  it.each([
    ['as names', (key: string) => ['81', bytesOfText(key), 'c0'].join('')],
    ['as names twice', (key: string) => ['82', bytesOfText(key), 'c0', bytesOfText(key), 'c0'].join('')],
    ['as names in UTF-16', (key: string) => `d47e009302c406${Buffer.from(key, 'utf16le').toString('hex')}c0`],
  ])('holds little for numbers %s, however large they are', (_, hexOf) => {
    const count = 2000;
    const objects = Array.from({ length: count }, (_, i) => hexOf(String(900 + ((i * 7) % 100)))).join('');
    const bytes = bytesOf(`dc${count.toString(16).padStart(4, '0')}${objects}`);
    codec.verify(bytes, limits);
    gc();
    const before = process.memoryUsage().heapUsed;
    const decoded = codec.decode(bytes) as object[];
    gc();
    // As an array, each would hold 11 KB or more.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(count * 1000);
    expect(decoded[1]).toEqual({ 907: null });
    expect(Object.keys(decoded[1] as object)).toEqual(['907']);
  });

  it('answers ERR_FRAME if bytes are decoded unverified', () => {
    for (const hex of ['', 'c1c1', 'dd01312d00', 'd47e0091c0', 'a3', repeat('91', 200_000)]) {
      expect(() => codec.decode(bytesOf(hex))).toThrow(expect.objectContaining({ code: 'ERR_FRAME' }));
    }
  });
});

describe('whatever is accepted', () => {
  const prototypes = [Object, Array, Map, Set, Date, Buffer, Function, String, Number].map(
    ({ prototype }) => prototype,
  );
  const shapes = (): string[] => prototypes.map((prototype) => Reflect.ownKeys(prototype).map(String).join());

  /** Decodes what verify accepts; says whether it did. */
  function survives(bytes: Uint8Array): boolean {
    try {
      codec.verify(bytes, limits);
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_FRAME' });
      return false;
    }
    expectHarmless(codec.decode(bytes));
    return true;
  }

  const token = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        ...'80 81 82 90 91 92 93 94 a0 a161 a2c3a4 c0 c2 c3 00 01 05 7f ff'.split(' '),
      ),
    },
    { weight: 3, arbitrary: fc.constantFrom('d47e0091', 'd47e0092', 'd47e0093', 'd47e00dc0003', 'd40000') },
    {
      weight: 2,
      arbitrary: fc.constantFrom('c400', 'c40100', 'c4026100', 'c4080000000000000000', 'c50001ff'),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        'cb7ff8000000000000',
        'cf00000000000000ff',
        'd3ff00000000000000',
        'ca00000000',
        'cd0102',
        'd1ff00',
      ),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        'a95f5f70726f746f5f5f',
        'd90161',
        'da000161',
        'db0000000161',
        'dc0001',
        'dd00000001',
        'de0001',
        'df00000001',
      ),
    },
    {
      weight: 1,
      arbitrary: fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes).toString('hex')),
    },
  );

  it('can be decoded: any bytes', () => {
    const before = shapes();
    const compile = vi.spyOn(globalThis, 'Function');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void survives(bytes)),
      { numRuns: 20_000 },
    );
    expect(compile).not.toHaveBeenCalled();
    compile.mockRestore();
    expect(shapes()).toEqual(before);
  });

  it('can be decoded: tokens in any order', () => {
    const before = shapes();
    let decoded = 0;
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
        if (survives(bytesOf(tokens.join('')))) decoded++;
      }),
      { numRuns: 30_000 },
    );
    expect(decoded).toBeGreaterThan(100);
    expect(shapes()).toEqual(before);
  });

  it('can be decoded: encodings with bytes changed, cut, or repeated', () => {
    const before = shapes();
    let decoded = 0;
    const edit = fc.record({
      at: fc.nat(),
      to: fc.oneof(fc.nat(255), fc.constantFrom(0xd4, 0x7e, 0x92, 0xc4, 0x81)),
      drop: fc.nat(2),
    });
    fc.assert(
      fc.property(anyBody, fc.array(edit, { minLength: 1, maxLength: 3 }), (body, edits) => {
        const bytes = [...codec.encode(body, limits)];
        for (const { at, to, drop } of edits) bytes.splice(at % bytes.length, drop, to);
        if (survives(Uint8Array.from(bytes))) decoded++;
      }),
      { numRuns: 10_000 },
    );
    expect(decoded).toBeGreaterThan(100);
    expect(shapes()).toEqual(before);
  });
});

/** Only what R21 lists, with the prototypes of this realm. */
function expectHarmless(value: unknown): void {
  const builtIns = [Object, Array, Map, Set, Date, Buffer, ArrayBuffer, DataView, ...typedArrays];
  const known = new Set<unknown>(builtIns.map(({ prototype }) => prototype));
  const open = [value];
  while (open.length > 0) {
    const next = open.pop();
    expect(typeof next).not.toBe('function');
    if (typeof next !== 'object' || next === null) continue;
    expect(known.has(Object.getPrototypeOf(next))).toBe(true);
    if (next instanceof Map) open.push(...next.keys(), ...next.values());
    else if (next instanceof Set) open.push(...next);
    else if (!ArrayBuffer.isView(next)) open.push(...Object.values(next));
  }
}

const typedArrays = [
  Uint8Array,
  Uint8ClampedArray,
  Int8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
];
