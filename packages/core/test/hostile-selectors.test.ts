/** What a receive selects by: what leaves a process is what another accepts, and no more. */
import { describe, expect, test } from 'vitest';
import { PigeonholeError } from '../src/errors.js';
import { selector } from '../src/hosted/reading.js';
import { MAX_SELECTED_TYPES, MAX_TYPE } from '../src/message.js';
import { selectorOf } from '../src/opening.js';

const most = Array.from({ length: MAX_SELECTED_TYPES }, (_, n) => MAX_TYPE - n);
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof PigeonholeError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'nothing thrown';
}

describe('a selector', () => {
  test('of as many types as may be passes at both ends', () => {
    const asked = selectorOf({ type: most, from: 'a'.repeat(128) }, null);
    expect(selector(json(asked))).toEqual(asked);
  });

  test('of one type more is refused where it is made', () => {
    expect(codeOf(() => selectorOf({ type: [...most, 1] }, null))).toBe(
      'ERR_CONFIG: option type has 4097 types; it may have 4096',
    );
  });

  test('of one type more is refused where it arrives', () => {
    expect(codeOf(() => selector(json({ types: Array(4097).fill(1), from: null })))).toBe(
      'ERR_FRAME: a selector has 4097 types; the most is 4096',
    );
  });

  test.each([
    ['a type that is no integer', { types: [1.5], from: null }],
    ['a type that is text', { types: ['1'], from: null }],
    ['types that are no array', { types: 1, from: null }],
    ['types left out', { from: null }],
    ['a sender that is no name', { types: null, from: '@inbox' }],
    ['a sender that is an object', { types: null, from: { toString: null } }],
    ['a sender left out', { types: null }],
  ])('with %s is refused', (_what, value) => {
    expect(codeOf(() => selector(json(value)))).toMatch(/^ERR_FRAME: a selector has /);
  });

  test('of nothing is no selector', () => {
    expect(selector(Buffer.alloc(0))).toBeNull();
  });
});
