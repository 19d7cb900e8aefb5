/** Every length is checked before anything is allocated for it. */
import { describe, expect, test } from 'vitest';
import { PigeonholeError } from '../src/errors.js';
import { FrameParser } from '../src/frame-parser.js';
import { Kind, MAX_HANDSHAKE, MAX_JSON, parseJson } from '../src/framing.js';
import { announcing, bytesOf, plain } from './framing-reference.js';

const MiB = 2 ** 20;

function parserOf(limit?: number): { parser: FrameParser; shown: number[] } {
  const shown: number[] = [];
  const parser = new FrameParser(({ rest }) => void shown.push(rest.length));
  if (limit !== undefined) parser.limit = limit;
  return { parser, shown };
}

function refusal(action: () => void): PigeonholeError {
  try {
    action();
  } catch (error) {
    if (error instanceof PigeonholeError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

/** By how many bytes the memory of all buffers has grown when `action` is over. */
function allocated(action: () => void): number {
  const before = process.memoryUsage().arrayBuffers;
  action();
  return process.memoryUsage().arrayBuffers - before;
}

describe.each([
  ['in one piece', (parser: FrameParser, bytes: Buffer) => parser.push(bytes, true)],
  [
    'byte by byte',
    (parser: FrameParser, bytes: Buffer) => {
      for (const byte of bytes) parser.push(Buffer.from([byte]), true);
    },
  ],
  [
    'after a frame that is in order',
    (parser: FrameParser, bytes: Buffer) =>
      parser.push(Buffer.concat([bytesOf(plain(Kind.ping, 0, 0)), bytes]), false),
  ],
])('a length that comes %s', (_how, push) => {
  test.each([0, 1, 11])('of %i bytes is refused: a header has 12', (length) => {
    const error = refusal(() => push(parserOf().parser, announcing(length)));
    expect(error.code).toBe('ERR_FRAME');
    expect(error.message).toContain(`says it has ${length} bytes; the least is 12`);
  });

  test.each([MAX_HANDSHAKE, 16 * MiB])('above the limit of %i is refused before allocating', (limit) => {
    for (const length of [limit + 1, 2 ** 31, 2 ** 32 - 1]) {
      const { parser, shown } = parserOf(limit);
      let error: PigeonholeError | undefined;
      const grown = allocated(() => {
        error = refusal(() => push(parser, announcing(length)));
      });
      expect(error?.code).toBe('ERR_FRAME');
      expect(error?.message).toContain(`says it has ${length} bytes; the limit here is ${limit}`);
      expect(grown).toBeLessThan(MiB);
      expect(shown.filter((rest) => rest > 0)).toEqual([]);
    }
  });
});

describe('a length within the limit', () => {
  test('of 12 is a frame without a rest', () => {
    const { parser, shown } = parserOf();
    parser.push(bytesOf(plain(Kind.moved, 1, 0)), true);
    expect(shown).toEqual([0]);
  });

  test('of exactly the limit passes, one byte more does not', () => {
    const limit = 100_000;
    const { parser, shown } = parserOf(limit);
    parser.push(bytesOf(plain(Kind.error, 0, 0, Buffer.alloc(limit - 12))), true);
    expect(shown).toEqual([limit - 12]);
    const over = bytesOf(plain(Kind.error, 0, 0, Buffer.alloc(limit - 11)));
    expect(refusal(() => parser.push(over, true)).code).toBe('ERR_FRAME');
  });

  test('that never comes true holds at most the frame it announced', () => {
    const { parser, shown } = parserOf(16 * MiB);
    const grown = allocated(() => parser.push(announcing(MiB, 100), true));
    expect(grown).toBeLessThan(2 * MiB);
    expect(shown).toEqual([]);
  });
});

test('before the handshake a frame has at most 4096 bytes', () => {
  expect(parserOf().parser.limit).toBe(MAX_HANDSHAKE);
  expect(MAX_HANDSHAKE).toBe(4096);
});

test('what a frame handler throws ends the chunk', () => {
  const numbers: number[] = [];
  const parser = new FrameParser(({ number }) => {
    numbers.push(number);
    if (number === 1) throw new PigeonholeError('ERR_FRAME', 'enough');
  });
  const stream = Buffer.concat([0, 1, 2].map((number) => bytesOf(plain(Kind.ping, 0, number))));
  expect(refusal(() => parser.push(stream, true)).message).toBe('enough');
  expect(numbers).toEqual([0, 1]);
});

describe('JSON in a frame', () => {
  test('is an object', () => {
    expect(parseJson(Buffer.from('{"a":1}'))).toEqual({ a: 1 });
  });

  test.each(['', '{', 'null', '1', '"text"', '[]', '{"a":1}x', '\ufeff{}'])('is refused: %j', (text) => {
    expect(refusal(() => parseJson(Buffer.from(text))).code).toBe('ERR_FRAME');
  });

  test('is refused before it is parsed when it is longer than 64 KiB', () => {
    expect(MAX_JSON).toBe(65_536);
    const text = (length: number): Buffer => Buffer.from(`{"a":"${'x'.repeat(length - 8)}"}`);
    expect(parseJson(text(MAX_JSON))).toHaveProperty('a');
    const error = refusal(() => parseJson(text(MAX_JSON + 1)));
    expect(error.code).toBe('ERR_FRAME');
    expect(error.message).toContain('JSON of 65537 bytes; the most is 65536');
  });

  test('reaches no prototype', () => {
    const value = parseJson(Buffer.from('{"__proto__":{"code":"ERR_FRAME"},"constructor":1}'));
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(value.code).toBeUndefined();
  });
});
