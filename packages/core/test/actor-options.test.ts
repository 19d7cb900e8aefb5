/** A misspelt option of an actor is an error, as one of a call is: what was meant would silently be the default. */
import { expect, test } from 'vitest';
import { defineActor } from '../src/index.js';

test.each([
  [{ handlers: {}, supervison: {} }, "actor 'a' has no option 'supervison'; did you mean 'supervision'?"],
  [
    { handlers: {}, supervision: { maxRestart: 3 } },
    "supervision of actor 'a' has no option 'maxRestart'; did you mean 'maxRestarts'?",
  ],
  [
    { handlers: {}, supervision: { backoff: { initail: 1 } } },
    "supervision.backoff of actor 'a' has no option 'initail'; did you mean 'initial'?",
  ],
  [{ handlers: {}, mailbox: { size: 3 } }, "mailbox of actor 'a' has no option 'size'"],
])('%j', (spec, message) => {
  expect(() => defineActor('a', spec as never)).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG', message: expect.stringContaining(message) }),
  );
});
