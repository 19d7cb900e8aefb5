import fc from 'fast-check';

class Tags extends Map<string, number> {}
class Prices extends Array<number> {}
class Moment extends Date {}

class Money {
  readonly #secret = 1;
  constructor(
    readonly amount: number,
    readonly currency: string,
  ) {}
  get doubled(): number {
    return this.amount * 2 * this.#secret;
  }
}

/** Sent value and what arrives; one entry where both are equal. */
export const bodies: Record<string, readonly [sent: unknown, arrives?: unknown]> = {
  undefined: [undefined],
  null: [null],
  booleans: [[true, false]],
  'small integers': [
    [0, 1, 31, 32, 127, 128, 255, 256, 65_535, 65_536, -1, -32, -33, -128, -129, -32_768, -32_769],
  ],
  'large integers': [
    [2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, -(2 ** 53) + 1],
  ],
  fractions: [[0.1, -0.1, 1e-320, 5e-324, Number.MAX_VALUE, Number.EPSILON]],
  'NaN, infinities, -0': [[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0]],
  '-0 alone': [-0],
  'bigints of 64 bits': [[0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, 2n ** 64n - 1n]],
  'larger bigints': [
    [2n ** 64n, -(2n ** 63n) - 1n, 2n ** 100n, -(2n ** 100n), 10n ** 300n, -(16n ** 5000n) + 7n],
  ],
  'empty string': [''],
  'strings of every length class': [
    [31, 32, 63, 64, 65, 255, 256, 65_535, 65_536].map((length) => 'x'.repeat(length)),
  ],
  'strings outside Latin': [['ä', 'Ω', '漢字', '😀', 'Zoë Ω '.repeat(40), '😀'.repeat(20_000)]],
  'lone surrogates': [['\ud800', '\udc00', 'a\ud800b', '\udc00\ud800', `${'x'.repeat(100)}\ud800`]],
  'a byte order mark': [['\ufeff', '\ufeffa', `\ufeff${'x'.repeat(30)}`, `\ufeff${'x'.repeat(100)}`]],
  'NUL and other controls': ['\u0000\u0001\u007f\u0080'],
  dates: [
    [
      new Date(0),
      new Date(1),
      new Date(-1),
      new Date(1_700_000_000_123),
      new Date(8.64e15),
      new Date(-8.64e15),
    ],
  ],
  Map: [
    new Map<unknown, unknown>([
      ['a', 1],
      [2, 'b'],
      [null, undefined],
      [[1], new Map()],
      [Number.NaN, -0],
    ]),
  ],
  Set: [new Set<unknown>(['a', 1, null, undefined, { b: 1 }, new Set(), 5n])],
  'plain object': [{ a: 1, b: { c: [{}] }, '': 0, 'a b': 1, ä: 2, 7: 3 }],
  'undefined in arrays and properties': [{ a: undefined, b: [undefined, 1, undefined] }],
  'keys with a meaning elsewhere': [
    {
      constructor: 1,
      hasOwnProperty: 2,
      toString: 3,
      toJSON: 4,
      valueOf: null,
      length: 5,
      0: 7,
      parts: 8,
    },
  ],
  'own key __proto__': [JSON.parse('{"__proto__": {"polluted": true}, "a": [{"__proto__": 1}]}')],
  'keys with lone surrogates': [{ 'a\ud800': 1, '\udfff': { b: [2] }, plain: -0 }],
  'a long key with a byte order mark': [{ [`\ufeff${'k'.repeat(100)}`]: 1 }],
  'long keys': [{ ['k'.repeat(31)]: 1, ['k'.repeat(32)]: 2, ['k'.repeat(300)]: 3, ['k'.repeat(70_000)]: 4 }],
  'nested arrays': [[[[[]]], [[1], [2, [3]]]]],
  'arrays of every length class': [[15, 16, 65_535, 65_536].map((length) => new Array(length).fill(7))],
  'objects of every size class': [[15, 16, 70_000].map((size) => numbered(size))],
  'sparse array': [Object.assign(new Array(4), { 2: 'x' }), [undefined, undefined, 'x', undefined]],
  Buffer: [Buffer.from([1, 2, 3])],
  'empty Buffer': [Buffer.alloc(0)],
  Uint8Array: [new Uint8Array([1, 2, 3])],
  'binary of every length class': [
    [255, 256, 65_535, 65_536, 100_000].map((length) => Buffer.alloc(length, 7)),
  ],
  'typed arrays': [
    [
      new Uint8ClampedArray([1, 255]),
      new Int8Array([-1]),
      new Int16Array([-300]),
      new Uint16Array([60_000]),
      new Int32Array([-70_000]),
      new Uint32Array([2 ** 32 - 1]),
      new Float32Array([0.5, Number.NaN]),
      new Float64Array([0.1, -0]),
      new BigInt64Array([-(2n ** 63n)]),
      new BigUint64Array([2n ** 64n - 1n]),
      new Float64Array(0),
      new Float64Array(10_000),
    ],
  ],
  'views into a larger buffer': [
    [
      new Float64Array(new ArrayBuffer(64), 8, 3),
      new DataView(new ArrayBuffer(9), 1, 3),
      Buffer.alloc(99).subarray(3, 7),
    ],
    [new Float64Array(3), new DataView(new ArrayBuffer(3)), Buffer.alloc(4)],
  ],
  ArrayBuffer: [new Uint8Array([1, 2, 3]).buffer],
  'class instance': [new Money(9.99, 'EUR'), { amount: 9.99, currency: 'EUR' }],
  'null prototype': [Object.assign(Object.create(null), { a: 1, b: -0 }), { a: 1, b: -0 }],
  'symbol keys and hidden properties': [
    Object.defineProperty({ a: 1, [Symbol('s')]: 2 }, 'hidden', { value: 3, enumerable: false }),
    { a: 1 },
  ],
  'subclasses of built-ins': [
    [new Tags([['a', 1]]), Prices.of(1, 2, 3), new Moment(5)],
    [new Map([['a', 1]]), [1, 2, 3], new Date(5)],
  ],
  'an array whose own constructor misleads': [Object.assign([1, -1], { constructor: Map }), [1, -1]],
  getter: [
    {
      get a() {
        return new Map([[1, 2]]);
      },
      b: 1,
    },
    { a: new Map([[1, 2]]), b: 1 },
  ],
  'the same object twice': [((shared) => [shared, { shared }, shared])({ a: -0 })],
  'exotic values deep inside': [
    { a: [{ b: new Map([['k', [new Set([{ d: new Date(5), n: -0, t: '\ud800' }])]]]) }] },
  ],
  'order object': [
    {
      id: 12_345,
      type: 'order.created',
      customer: 'c-991',
      items: [{ sku: 'A1', qty: 2, price: 9.99 }],
      total: 19.98,
      ts: 1_700_000_000_000,
    },
  ],
};

function numbered(size: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: size }, (_, i) => [`k${i}`, i]));
}

const anyText = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0xd800, 0xdc00, 0xfeff, 0x61)), {
    maxLength: 80,
  })
  .map((units) => String.fromCharCode(...units));
const anyKey = fc.oneof(
  { weight: 4, arbitrary: fc.string() },
  { weight: 1, arbitrary: anyText },
  {
    weight: 1,
    arbitrary: fc.constantFrom('__proto__', 'constructor', 'toJSON', 'hasOwnProperty', 'length', '0'),
  },
);
const anyScalar = fc.oneof(
  fc.constantFrom(undefined, null, true, false, -0, Number.NaN, Number.POSITIVE_INFINITY),
  fc.integer(),
  fc.double(),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  fc.string(),
  anyText,
  fc.date({ noInvalidDate: true }),
  fc.uint8Array(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.float64Array(),
  fc.int16Array(),
  fc.bigUint64Array(),
);

/** Any value of R21. */
export const anyBody: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  body: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    anyScalar,
    tie('array'),
    tie('object'),
    tie('map'),
    tie('set'),
  ),
  array: fc.array(tie('body'), { maxLength: 6 }),
  // fromEntries defines, so that __proto__ is a property like any other.
  object: fc
    .array(fc.tuple(anyKey, tie('body')), { maxLength: 6 })
    .map((entries) => Object.fromEntries(entries)),
  map: fc.array(fc.tuple(tie('body'), tie('body')), { maxLength: 4 }).map((entries) => new Map(entries)),
  set: fc.array(tie('body'), { maxLength: 4 }).map((values) => new Set(values)),
})).body;
