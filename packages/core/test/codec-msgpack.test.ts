import { deepStrictEqual } from 'node:assert';
import { createContext, runInContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { codecFor, defaultLimits as limits } from '../src/codec.js';
import { anyBody, bodies } from './codec-bodies.js';
import { Walk } from './reference/walk.js';

const codec = codecFor('msgpack');

function passOver(body: unknown): unknown {
  const bytes = codec.encode(body, limits);
  codec.verify(bytes, limits);
  return codec.decode(bytes);
}

describe('R21: values arrive equal', () => {
  it.each(Object.entries(bodies))('%s', (_name, [sent, ...arrives]) => {
    deepStrictEqual(passOver(sent), arrives.length === 0 ? sent : arrives[0]);
  });

  it('an invalid Date', () => {
    const arrived = passOver([new Date(Number.NaN)]) as [Date];
    expect(arrived[0]).toBeInstanceOf(Date);
    expect(arrived[0].getTime()).toBeNaN();
  });

  it('a Float16Array, where Node.js has it', () => {
    const { Float16Array } = globalThis as { Float16Array?: new (values: number[]) => ArrayBufferView };
    if (Float16Array === undefined) return expect(process.versions.node).toMatch(/^2[0-3]\./);
    deepStrictEqual(passOver(new Float16Array([0.5, -1])), new Float16Array([0.5, -1]));
  });

  it('objects of another realm', () => {
    const body = runInContext(
      '({ map: new Map([[1, { a: [1] }]]), set: new Set([2]), at: new Date(5), bytes: new Uint8Array([3]), list: [,1] })',
      createContext(),
    );
    deepStrictEqual(passOver(body), {
      map: new Map([[1, { a: [1] }]]),
      set: new Set([2]),
      at: new Date(5),
      bytes: new Uint8Array([3]),
      list: [undefined, 1],
    });
  });

  it('without what others added to Object.prototype', () => {
    const prototype = Object.prototype as { added?: unknown };
    prototype.added = () => 1;
    try {
      for (const body of [{ a: 1 }, { a: -0 }]) {
        const arrived = passOver(body) as object;
        deepStrictEqual(Object.entries(arrived), Object.entries(body));
      }
    } finally {
      delete prototype.added;
    }
  });

  it('without what one of its getters adds there', () => {
    const prototype = Object.prototype as { added?: unknown };
    const body = {
      get a() {
        prototype.added = 1;
        return 1;
      },
      inner: { b: 2 },
    };
    try {
      const arrived = passOver(body) as { inner: object };
      expect(Object.keys(arrived)).toEqual(['a', 'inner']);
      expect(Object.keys(arrived.inner)).toEqual(['b']);
    } finally {
      delete prototype.added;
    }
  });

  it('any value at all', () => {
    fc.assert(
      fc.property(anyBody, (body) => deepStrictEqual(passOver(body), body)),
      { numRuns: 2000 },
    );
  });
});

describe('plain bodies', () => {
  it('are what any MessagePack reader understands', () => {
    expect(Buffer.from(codec.encode({ a: [1, null, 'x', Buffer.from([9])] }, limits)).toString('hex')).toBe(
      '81a16194' + '01' + 'c0' + 'a178' + 'c40109',
    );
  });
});

describe('the encoder and the scan count alike', () => {
  it('so that a body that leaves also arrives, and one value more does neither', () => {
    fc.assert(
      fc.property(anyBody, (body) => {
        const walk = new Walk(limits);
        walk.run(body);
        const bytes = codec.encode(body, limits);
        expect(bytes.length).toBeGreaterThanOrEqual(walk.least);
        expect(bytes.length).toBeLessThanOrEqual(walk.most);
        const exact = { ...limits, maxNodes: walk.nodes, maxMessageBytes: bytes.length };
        codec.verify(codec.encode(body, exact), exact);
        if (walk.nodes === 1) return;
        const less = { ...limits, maxNodes: walk.nodes - 1 };
        expect(() => codec.encode(body, less)).toThrow(/maxNodes/);
        expect(() => codec.verify(bytes, less)).toThrow(/maxNodes/);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['arrays', (inner: unknown) => [inner]],
    ['objects', (inner: unknown) => ({ inner })],
    ['objects with an odd key', (inner: unknown) => ({ '\ud800': inner })],
    ['Maps', (inner: unknown) => new Map([[1, inner]])],
    ['Map keys', (inner: unknown) => new Map([[inner, 1]])],
    ['Sets', (inner: unknown) => new Set([inner])],
  ])('the depth of %s', (_name, wrap) => {
    let body: unknown = -0;
    for (let i = 0; i < 20; i++) body = wrap(body);
    const bytes = codec.encode(body, { ...limits, maxDepth: 20 });
    codec.verify(bytes, { ...limits, maxDepth: 20 });
    expect(() => codec.encode(body, { ...limits, maxDepth: 19 })).toThrow(/maxDepth \(19/);
    expect(() => codec.verify(bytes, { ...limits, maxDepth: 19 })).toThrow(/maxDepth \(19/);
  });
});

describe('R10: bytes', () => {
  it('change neither with the body nor with later calls', () => {
    const body = { data: Buffer.alloc(100, 1), list: [1, 2, 3], big: Buffer.alloc(100_000, 2) };
    const bytes = codec.encode(body, limits);
    const before = Buffer.from(bytes);
    body.data.fill(9);
    body.big.fill(9);
    for (let i = 0; i < 100; i++) codec.encode({ noise: 'n'.repeat(i * 100) }, limits);
    expect(before.equals(bytes)).toBe(true);
  });

  it('of two encodings never overlap', () => {
    const all = Array.from({ length: 200 }, (_, i) => codec.encode('x'.repeat(i * 7), limits));
    const ranges = all.map((bytes) => ({
      in: bytes.buffer,
      from: bytes.byteOffset,
      to: bytes.byteOffset + bytes.length,
    }));
    for (const [i, a] of ranges.entries()) {
      for (const b of ranges.slice(i + 1))
        expect(a.in === b.in && a.from < b.to && b.from < a.to).toBe(false);
    }
  });

  it('keep little more than their own size alive', () => {
    for (const length of [0, 10, 500, 3000, 5000, 70_000, 1_000_000]) {
      for (const body of [Buffer.alloc(length), 'x'.repeat(length), '漢'.repeat(length)]) {
        const bytes = codec.encode(body, limits);
        expect(bytes.buffer.byteLength).toBeLessThanOrEqual(Math.max(2048, bytes.length * 1.2 + 4096));
      }
    }
  });

  it('are not aliased by what is decoded from them', () => {
    const sent = {
      small: Buffer.from([1]),
      view: new Float64Array([1, 2]),
      text: 'text',
      large: Buffer.alloc(200_000, 3),
    };
    for (const body of [{ ...sent, large: undefined }, sent]) {
      const bytes = codec.encode(body, limits);
      const arrived = codec.decode(bytes);
      bytes.fill(0);
      codec.decode(codec.encode(Buffer.alloc(1000, 5), limits));
      deepStrictEqual(arrived, body);
    }
  });
});

describe('R22: size', () => {
  it('passes at the limit and is refused one byte above, at both ends', () => {
    for (const make of [
      (n: number) => Buffer.alloc(n),
      (n: number) => 'x'.repeat(n),
      (n: number) => ({ a: Buffer.alloc(n) }),
    ]) {
      const { length } = codec.encode(make(100_000), limits);
      const tight = { ...limits, maxMessageBytes: length };
      const bytes = codec.encode(make(100_000), tight);
      codec.verify(bytes, tight);
      expect(() => codec.encode(make(100_001), tight)).toThrow(
        expect.objectContaining({ code: 'ERR_TOO_LARGE', message: expect.stringContaining(`(${length})`) }),
      );
      const larger = codec.encode(make(100_001), limits);
      expect(() => codec.verify(larger, tight)).toThrow(expect.objectContaining({ code: 'ERR_FRAME' }));
    }
  });

  it('of 16 MiB passes', () => {
    const body = Buffer.alloc(limits.maxMessageBytes - 5, 7);
    expect(body.equals(passOver(body) as Buffer)).toBe(true);
  });

  it('is refused before a copy is made', () => {
    const copy = vi.spyOn(Buffer, 'allocUnsafeSlow');
    expect(() => codec.encode([Buffer.alloc(17 * 2 ** 20)], limits)).toThrow(/at least 17825798 bytes/);
    expect(copy).not.toHaveBeenCalled();
    copy.mockRestore();
  });
});
