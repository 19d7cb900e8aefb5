import { deepStrictEqual } from 'node:assert';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { Codec, CodecLimits } from '../src/codec.js';
import { anyBody, bodies } from './codec-bodies.js';

// msgpackr reads this once, when it is loaded, so the imports below have to wait for it.
vi.hoisted(() => {
  process.env.MSGPACKR_NATIVE_ACCELERATION_DISABLED = 'true';
});

let codec: Codec;
let limits: CodecLimits;

beforeAll(async () => {
  const core = await import('../src/codec.js');
  codec = core.codecFor('msgpack');
  limits = core.defaultLimits;
});

describe('R21 where msgpackr reads strings in script, as on a platform without its native part', () => {
  it('holds in this process', async () => {
    // biome-ignore lint/style/noRestrictedImports: tells which of msgpackr's string readers is under test.
    const { isNativeAccelerationEnabled } = await import('msgpackr');
    expect(isNativeAccelerationEnabled).toBe(false);
  });

  it.each(Object.entries(bodies))('%s', (_name, [sent, ...arrives]) => {
    const bytes = codec.encode(sent, limits);
    codec.verify(bytes, limits);
    deepStrictEqual(codec.decode(bytes), arrives.length === 0 ? sent : arrives[0]);
  });

  it('any value at all', () => {
    fc.assert(
      fc.property(anyBody, (body) => deepStrictEqual(codec.decode(codec.encode(body, limits)), body)),
      { numRuns: 1000 },
    );
  });
});
