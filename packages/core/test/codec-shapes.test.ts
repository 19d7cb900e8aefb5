/** The decoder learns the shapes of objects. Whatever comes, in whatever order, what it makes is the same as without. */
import { deepStrictEqual } from 'node:assert';
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CompiledCodec, compiled } from '../src/codec/compiled/compiled.js';
import { interpreted } from '../src/codec/compiled/program.js';
import { planOf } from '../src/codec/compiled/schema.js';
import { type Codec, CodecId, type CodecLimits, codecFor, defaultLimits as limits } from '../src/codec.js';
import { PigeonholeError } from '../src/errors.js';
import { openEnvelope } from '../src/opening.js';
import { anyBody } from './codec-bodies.js';
import { createMsgpackCodec } from './reference/msgpack.js';

const codec = codecFor('msgpack');
const former = createMsgpackCodec(CodecId.msgpack);

function passOver(body: unknown): unknown {
  return codec.decode(codec.encode(body, limits));
}

const outcome = (value: unknown): string => Buffer.from(former.encode(value, limits)).toString('hex');

/** The keys too, in their order. */
function expectSame(body: object): void {
  const arrived = passOver(body) as object;
  deepStrictEqual(arrived, body);
  expect(Object.keys(arrived)).toEqual(Object.keys(body));
}

describe('objects whose keys are learnt', () => {
  it('arrive equal before and after they are compiled, one inside another of the same shape', () => {
    for (let i = 0; i < 200; i++) {
      let body: object = { id: i, next: null, list: [{ id: -i, next: undefined, list: [] }] };
      for (let depth = 0; depth < 20; depth++) body = { id: depth, next: body, list: [depth] };
      expectSame(body);
      expectSame({ id: i, next: { id: 1, next: 2, other: 3 }, list: 4 });
    }
  });

  it('may differ at any key, after having been the same for long', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (let i = 0; i < 2000; i++) {
      const odd = i % 7;
      expectSame(
        Object.fromEntries(names.map((name, at) => [at === odd ? `${name}${i % 3}` : name, { [name]: i }])),
      );
    }
  });

  it('in any order of shapes', () => {
    const row = fc.uniqueArray(
      fc.constantFrom(...'abcd', 'a1', 'toString', 'constructor', '7', 'ä', 'k'.repeat(40)),
    );
    fc.assert(
      fc.property(fc.array(row, { maxLength: 40 }), (rows) => {
        expectSame(rows.map((keys) => Object.fromEntries(keys.map((key, i) => [key, { [key]: i }]))));
      }),
      { numRuns: 500 },
    );
  });

  it('with keys that would be code', () => {
    for (const key of [
      '"',
      "'];x",
      '\\',
      '\n',
      '\u2028',
      '`$',
      '"}; globalThis.hit = 1; ({"',
      '__proto__x',
      'return',
    ])
      for (let i = 0; i < 100; i++) expectSame({ [key]: i, [`${key}b`]: [i] });
    expect(globalThis).not.toHaveProperty('hit');
  });

  it('of more shapes than are kept, again and again', () => {
    for (let round = 0; round < 40; round++)
      for (let i = 0; i < 600; i++) expectSame({ [`k${i}`]: round, [`l${i}`]: { [`m${i}`]: i } });
  });

  it('that hold a key twice: the last one counts', () => {
    const bytes = Buffer.from('82a16101a16102', 'hex');
    for (let i = 0; i < 100; i++) deepStrictEqual(codec.decode(bytes), { a: 2 });
  });

  it('never take __proto__, not even after having been the same for long', () => {
    const good = Buffer.from('81a95f5f70726f746f5f5a80', 'hex');
    const bad = Buffer.from('81a95f5f70726f746f5f5f80', 'hex');
    for (let i = 0; i < 100; i++) {
      deepStrictEqual(codec.decode(good), { __proto_Z: {} });
      expect(() => codec.decode(bad)).toThrow(expect.objectContaining({ code: 'ERR_FRAME' }));
    }
  });
});

describe('bytes that nobody has verified', () => {
  it.each(['msgpack', 'json'] as const)('as %s, keep to the limits where they lie', (name) => {
    const codec = codecFor(name);
    const body = [[{ a: 1 }], [2], '3'];
    const bytes = codec.encode(body, limits);
    const among = Buffer.concat([Buffer.alloc(5), bytes, Buffer.alloc(5)]);
    const open = (tight: object) => {
      const letter = {
        body: bytes,
        codec: codec.id,
        from: 'a',
        type: 0,
        priority: 0,
        sentAt: 0,
        decodedBy: (by: Codec, its?: CodecLimits) =>
          by.decodeChecked?.(among, its as CodecLimits, 5, 5 + bytes.length),
      };
      return openEnvelope(letter, { codec, label: 'm', limits: { ...limits, ...tight } }).body;
    };
    deepStrictEqual(open({ maxDepth: 3, maxNodes: 8 }), body);
    expect(() => open({ maxDepth: 2 })).toThrow(/nested deeper than maxDepth \(2\)/);
    expect(() => open({ maxNodes: 7 })).toThrow(/more than maxNodes \(7\) values/);
    deepStrictEqual(open({}), body);
  });

  const edit = fc.record({ at: fc.nat(), to: fc.nat(255), drop: fc.nat(2) });

  it('are ERR_FRAME or a value, and that of the former decoder if they are in order', () => {
    let decoded = 0;
    fc.assert(
      fc.property(anyBody, fc.array(edit, { maxLength: 3 }), fc.nat(), (body, edits, cut) => {
        const bytes = [...codec.encode(body, limits)];
        for (const { at, to, drop } of edits) bytes.splice(at % bytes.length, drop, to);
        if (cut % 3 === 0) bytes.length = cut % bytes.length;
        const given = Uint8Array.from(bytes);
        let inOrder = true;
        try {
          codec.verify(given, limits);
        } catch {
          inOrder = false;
        }
        try {
          const value = codec.decode(given);
          if (!inOrder) return;
          // As bytes, because an invalid Date equals no other.
          expect(outcome(value)).toBe(outcome(former.decode(given)));
          decoded++;
        } catch (error) {
          if (!(error instanceof PigeonholeError) || inOrder) throw error;
          expect(error.code).toBe('ERR_FRAME');
        }
      }),
      { numRuns: 10_000 },
    );
    expect(decoded).toBeGreaterThan(100);
  });

  it('are ERR_FRAME where an end is announced beyond the range, whatever lies there', () => {
    const codecOf = codec as Required<typeof codec>;
    const bytes = codec.encode({ id: 1, text: 'x'.repeat(40), list: [1.5, 2n ** 70n] }, limits);
    const memory = Buffer.concat([Buffer.alloc(9, 0xc1), bytes, Buffer.alloc(200, 1)]);
    for (let end = 0; end < bytes.length; end++)
      expect(() => codecOf.decodeChecked(memory, limits, 9, 9 + end)).toThrow(
        expect.objectContaining({ code: 'ERR_FRAME' }),
      );
    deepStrictEqual(codecOf.decodeChecked(memory, limits, 9, 9 + bytes.length), codec.decode(bytes));
    expect(() => codecOf.decodeChecked(memory, limits, 9, 1e9)).toThrow(
      expect.objectContaining({ code: 'ERR_FRAME' }),
    );
  });

  it('are ERR_FRAME with more numbers as keys than a Map may hold', () => {
    const flood = Buffer.from(`d47e00dd00009c4101${'cd0101'.repeat(40_000)}`, 'hex');
    expect(() => codec.decode(flood)).toThrow(expect.objectContaining({ code: 'ERR_FRAME' }));
  });
});

it('takes names that the application has frozen in Object.prototype', () => {
  const body = { constructor: 1, toString: 2, list: [{ valueOf: 3 }] };
  const open = compiled({ type: 'object', additionalProperties: true });
  const plan = planOf({ type: 'object', additionalProperties: true });
  const named = compiled({ type: 'object', properties: { constructor: {}, toString: {}, list: {} } });
  const codecs = [codec, open, named, new CompiledCodec(plan, interpreted(plan))];
  const bytes = codecs.map((each) => each.encode(body, limits));
  const names = ['constructor', 'toString', 'valueOf'];
  const former = names.map((name) => Object.getOwnPropertyDescriptor(Object.prototype, name));
  for (const name of names) Object.defineProperty(Object.prototype, name, { writable: false });
  try {
    for (const [i, each] of codecs.entries())
      for (let round = 0; round < 50; round++) deepStrictEqual(each.decode(bytes[i] as Uint8Array), body);
  } finally {
    for (const [i, name] of names.entries())
      Object.defineProperty(Object.prototype, name, former[i] as PropertyDescriptor);
  }
});

it('decodes where no code may be made from strings', () => {
  const script = `
    const { codecFor } = await import(process.argv[1]);
    const limits = { maxMessageBytes: 1000, maxDepth: 9, maxNodes: 99 };
    let refused = false;
    try { new Function('return 1')(); } catch { refused = true; }
    const codec = codecFor('msgpack');
    let text = '';
    for (let i = 0; i < 100; i++) text = JSON.stringify(codec.decode(codec.encode({ id: i, list: [{ a: 1 }] }, limits)));
    console.log(refused, text);`;
  const core = new URL('../dist/index.js', import.meta.url).href;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script, core],
    { encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  expect(stdout.trim()).toBe('true {"id":99,"list":[{"a":1}]}');
});
