/** Assertions on top of node:assert/strict that say which rule's words were not kept. */
import assert from 'node:assert/strict';
import { type ErrorCode, PigeonholeError } from '../src/errors.js';

/** Asserts that `call` rejects with a `PigeonholeError` of this code, whose message has every one of `words`. */
export async function rejects(
  call: Promise<unknown>,
  code: ErrorCode,
  ...words: (string | RegExp)[]
): Promise<PigeonholeError> {
  let error: unknown;
  try {
    const value = await call;
    assert.fail(`must reject with ${code}, but resolved with ${String(value)}`);
  } catch (thrown) {
    error = thrown;
  }
  if (!(error instanceof PigeonholeError)) throw error;
  assert.equal(error.code, code, `${error.code}: ${error.message}`);
  for (const word of words) {
    const found = typeof word === 'string' ? error.message.includes(word) : word.test(error.message);
    assert.ok(found, `the message of ${code} must name ${word}: "${error.message}"`);
  }
  return error;
}

/** As `rejects`, for what throws at once or rejects. */
export function fails(
  start: () => unknown,
  code: ErrorCode,
  ...words: (string | RegExp)[]
): Promise<PigeonholeError> {
  return rejects((async () => start())(), code, ...words);
}

/** A promise that the test awaits later. Should the test fail before, how that one ends is nobody's business. */
export function forLater<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

/** Equality as R21 means it: same kind, same value; a Buffer counts as a Uint8Array. */
export function assertSame(actual: unknown, expected: unknown, what: string): void {
  const plain = (value: unknown) => (Buffer.isBuffer(value) ? new Uint8Array(value) : value);
  // Node 20 takes two invalid Dates for different ones.
  if (actual instanceof Date && expected instanceof Date)
    assert.ok(Object.is(actual.getTime(), expected.getTime()), what);
  else assert.deepStrictEqual(plain(actual), plain(expected), what);
}

/** The `n` of each body, for bodies `{ n }` or plain numbers. */
export function numbers(messages: readonly ({ body: unknown } | null)[]): unknown[] {
  return messages.map((message) => (message === null ? null : message.body));
}
