// What child.ts forks: runs the functions that a test sends it, one after another or at once.
import * as fs from 'node:fs';
import * as core from '@pigeonhole/core';
import * as kit from '@pigeonhole/core/transport';

/** What a test's functions keep from one call to the next, and how they tell it something. */
const scope = {
  core,
  kit,
  fs,
  kept: {},
  tell: (value) => process.send?.({ told: value }),
  join: async (options) => {
    scope.kept.runtime = await core.createRuntime({
      transport: 'uds',
      config: false,
      logger: false,
      ...options,
    });
    return scope.kept.runtime;
  },
};

const describe = (error) =>
  error instanceof Error
    ? { name: error.name, code: error.code, message: error.message, accepted: error.accepted }
    : { name: 'thrown', message: String(error) };

process.on('message', async ({ id, work, argument }) => {
  try {
    const value = await new Function(`return (${work})`)()(scope, argument);
    process.send?.({ id, value });
  } catch (error) {
    process.send?.({ id, error: describe(error) });
  }
});
process.on('unhandledRejection', (error) => {
  process.send?.({ told: { unhandled: describe(error) } });
});
process.on('warning', (warning) => process.send?.({ told: { warning: describe(warning) } }));
process.on('disconnect', () => {
  if (scope.kept.leaving !== true) process.exit(0);
});
process.send?.({ ready: true });
