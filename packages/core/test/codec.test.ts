import { deepStrictEqual } from 'node:assert';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { type Codec, CodecId, codecById, codecFor, defaultLimits as limits } from '../src/codec.js';

const custom: Codec = {
  name: 'reversed',
  id: CodecId.custom,
  encode: (body) => Buffer.from(String(body)).reverse(),
  decode: (bytes) => Buffer.from(bytes).reverse().toString(),
  verify: () => undefined,
};

describe('codecs by name and id', () => {
  it('finds the built-in ones', () => {
    for (const name of ['msgpack', 'json', 'raw'] as const) {
      const codec = codecFor(name);
      expect(codec.name).toBe(name);
      expect(codec.id).toBe(CodecId[name]);
      expect(codecById(codec.id)).toBe(codec);
      expect(codecFor(codec)).toBe(codec);
    }
    expect(codecById(CodecId.custom)).toBeUndefined();
    expect(codecById(-1)).toBeUndefined();
  });

  it('takes the application’s own', () => {
    expect(codecFor(custom)).toBe(custom);
  });

  it.each<[string, unknown]>([
    ['an unknown name', 'protobuf'],
    ['a name of Object.prototype', 'toString'],
    ['nothing', undefined],
    ['null', null],
    ['an object without methods', { name: 'x', id: CodecId.custom }],
    ['an id of a built-in', { ...custom, id: CodecId.json }],
    ['another id', { ...custom, id: 4 }],
  ])('answers ERR_CONFIG to %s', (_name, given) => {
    expect(() => codecFor(given as Codec)).toThrow(
      expect.objectContaining({
        code: 'ERR_CONFIG',
        message: expect.stringContaining('"msgpack", "json", "raw"'),
      }),
    );
  });

  it('has the documented limits, which nobody can change', () => {
    expect(limits).toEqual({ maxMessageBytes: 16_777_216, maxDepth: 128, maxNodes: 1_048_576 });
    expect(Object.isFrozen(limits)).toBe(true);
  });
});

describe('codec raw', () => {
  const codec = codecFor('raw');

  it('passes bytes and hands out a Buffer', () => {
    for (const length of [0, 1, 511, 512, 513, 100_000]) {
      const sent = new Uint8Array(length).fill(7);
      const bytes = codec.encode(sent, limits);
      codec.verify(bytes, limits);
      const arrived = codec.decode(bytes);
      deepStrictEqual(arrived, Buffer.alloc(length, 7));
      sent.fill(1);
      bytes.fill(2);
      deepStrictEqual(arrived, Buffer.alloc(length, 7));
    }
  });

  it('takes bytes of another realm', () => {
    const bytes = codec.encode(runInNewContext('new Uint8Array([1, 2])'), limits);
    deepStrictEqual(codec.decode(bytes), Buffer.from([1, 2]));
    expect(() => codec.encode(Object.create(Uint8Array.prototype), limits)).toThrow('codec raw sends');
  });

  it('copies at encode', () => {
    const sent = Buffer.from('abc');
    const bytes = codec.encode(sent, limits);
    sent.fill(0);
    expect(Buffer.from(bytes).toString()).toBe('abc');
  });

  it.each([undefined, null, 'text', 1, {}, [1], new Float64Array(1), new ArrayBuffer(1)])(
    'refuses %s',
    (body) => {
      expect(() => codec.encode(body, limits)).toThrow(
        expect.objectContaining({
          code: 'ERR_UNSERIALIZABLE',
          message: expect.stringContaining('Uint8Array'),
        }),
      );
    },
  );

  it('bounds the size at both ends', () => {
    const tight = { ...limits, maxMessageBytes: 10 };
    codec.verify(codec.encode(Buffer.alloc(10), tight), tight);
    expect(() => codec.encode(Buffer.alloc(11), tight)).toThrow(
      expect.objectContaining({ code: 'ERR_TOO_LARGE', message: expect.stringMatching(/11 bytes.*\(10\)/) }),
    );
    expect(() => codec.verify(Buffer.alloc(11), tight)).toThrow(
      expect.objectContaining({ code: 'ERR_FRAME', message: expect.stringMatching(/11 bytes.*\(10\)/) }),
    );
  });

  it('gives each received body bytes of its own, which keep little else alive', () => {
    const sizes = [0, 1, 64, 511, 512, 513, 1000, 1023, 1024, 1025, 2047, 2049, 4095, 4096, 4097, 100_000];
    const bodies = Array.from({ length: 400 }, (_, n) => Buffer.alloc(sizes[n % sizes.length] as number, n));
    const from = Buffer.alloc(200_000);
    const received = bodies.map((body) => {
      from.set(body, 77);
      return codec.decodeChecked?.(from, limits, 77, 77 + body.length) as Buffer;
    });
    deepStrictEqual(received, bodies);
    for (const [n, body] of received.entries()) {
      const { buffer, byteLength } = body;
      expect(buffer.byteLength).toBeLessThanOrEqual(Math.max(2048, 16 * byteLength));
      body.fill(~n);
      if (byteLength < buffer.byteLength) expect(isTaken(buffer)).toBe(false);
    }
    for (const [n, body] of received.entries()) expect(body.every((byte) => byte === (~n & 0xff))).toBe(true);
  });
});

/** Whether it can be transferred away from all who have a part of it. Node.js 20 passes over what must not be, later ones throw. */
function isTaken(buffer: ArrayBufferLike): boolean {
  try {
    structuredClone(null, { transfer: [buffer as ArrayBuffer] });
  } catch {
    return false;
  }
  return buffer.byteLength === 0;
}
