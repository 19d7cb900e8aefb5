/** Whatever the schema and the value: they arrive equal, the two encoders agree, and no bytes do harm. */
import { deepStrictEqual } from 'node:assert';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CompiledCodec, compiled } from '../src/codec/compiled/compiled.js';
import { interpreted } from '../src/codec/compiled/program.js';
import { planOf } from '../src/codec/compiled/schema.js';
import { type Codec, defaultLimits as limits } from '../src/codec.js';
import { PigeonholeError } from '../src/errors.js';
import { pairs, samples } from './compiled-schemas.js';

function closures(schema: object): Codec {
  const plan = planOf(schema);
  return new CompiledCodec(plan, interpreted(plan));
}

/** As text, in which a Date or number that is none equals another. */
type Verdict = { readonly value: string } | { readonly code: string };

function verdictOf(run: () => unknown): Verdict {
  try {
    return { value: inspect(run(), { depth: null, maxArrayLength: null, maxStringLength: null }) };
  } catch (error) {
    if (!(error instanceof PigeonholeError)) throw error;
    return { code: error.code };
  }
}

describe('a compiled codec', () => {
  test('gives back what it was given, in the same bytes whichever way it works', () => {
    fc.assert(
      fc.property(samples, ({ schema, value }) => {
        const [generated, plain] = [compiled(schema as object), closures(schema as object)];
        expect(generated.name).toBe(plain.name);
        const bytes = generated.encode(value, limits);
        deepStrictEqual(Buffer.from(bytes), Buffer.from(plain.encode(value, limits)));
        for (const codec of [generated, plain]) {
          codec.verify(bytes, limits);
          deepStrictEqual(codec.decode(bytes), value);
        }
      }),
      { numRuns: 800 },
    );
  });

  test('writes into the midst of memory, and reads from there', () => {
    fc.assert(
      fc.property(samples, fc.nat(20), fc.nat(20), ({ schema, value }, at, more) => {
        for (const codec of [compiled(schema as object), closures(schema as object)]) {
          const { length } = codec.encode(value, limits);
          const target = new Uint8Array(at + length + more).fill(0xaa);
          expect(codec.encodeInto?.(value, limits, target, at)).toBe(length);
          expect(target.subarray(0, at).every((byte) => byte === 0xaa)).toBe(true);
          deepStrictEqual(codec.decodeChecked?.(target, limits, at, at + length), value);
          const tight = new Uint8Array(at + length - 1);
          expect(codec.encodeInto?.(value, limits, tight, at)).toBe(-1);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('takes one value or refuses it, the same whichever way it works', () => {
    fc.assert(
      fc.property(samples, samples, ({ schema }, { value }) => {
        const [generated, plain] = [compiled(schema as object), closures(schema as object)];
        const [a, b] = [generated, plain].map((codec) =>
          verdictOf(() => Buffer.from(codec.encode(value, limits))),
        );
        deepStrictEqual(a, b);
        if ('code' in (a as object))
          expect(a).toMatchObject({ code: expect.stringMatching(/^ERR_(SCHEMA|UNSERIALIZABLE)$/) });
      }),
      { numRuns: 800 },
    );
  });

  test('reads damaged bytes as something or refuses them, the same whichever way it works', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(
        pairs,
        damage,
        fc.option(fc.nat(), { nil: undefined }),
        ({ schema, values }, changes, cut) => {
          const [generated, plain] = [compiled(schema as object), closures(schema as object)];
          for (const value of values) {
            const whole = Buffer.from(generated.encode(value, limits));
            // The fingerprint is left alone, or nothing behind it would be looked at.
            for (const [at, byte] of changes)
              if (whole.length > 4) whole[4 + (at % (whole.length - 4))] = byte;
            const bytes = cut === undefined ? whole : whole.subarray(0, cut % (whole.length + 1));
            const [a, b] = [generated, plain].map((codec) => verdictOf(() => codec.decode(bytes)));
            deepStrictEqual(a, b);
            if ('code' in (a as object)) expect(a).toEqual({ code: 'ERR_FRAME' });
            deepStrictEqual(
              verdictOf(() => generated.verify(bytes, limits)),
              'code' in (a as object) ? a : { value: 'undefined' },
            );
          }
        },
      ),
      { numRuns: 800 },
    );
  });

  test('refuses nonsense behind a good fingerprint', () => {
    fc.assert(
      fc.property(samples, fc.uint8Array({ maxLength: 40 }), ({ schema, value }, tail) => {
        const [generated, plain] = [compiled(schema as object), closures(schema as object)];
        const bytes = Buffer.concat([generated.encode(value, limits).subarray(0, 4), tail]);
        const [a, b] = [generated, plain].map((codec) => verdictOf(() => codec.decode(bytes)));
        deepStrictEqual(a, b);
      }),
      { numRuns: 800 },
    );
  });
});
