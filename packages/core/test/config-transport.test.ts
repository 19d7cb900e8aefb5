import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadTransport, type TransportFactory, type TransportSetting } from '../src/config.js';
import type { Transport } from '../src/transport.js';
import { errorOf, scratch } from './config-scratch.js';

const capabilities = {
  sync: false,
  crossThread: true,
  crossProcess: false,
  crossHost: false,
  durable: false,
};

function store(name: string): Transport {
  return { kind: 'store', name, capabilities, attach: () => Promise.reject(new Error('not attached here')) };
}

const builtin: Record<string, TransportFactory> = { memory: () => store('memory') };

/** A directory with one package in its node_modules, whose module is `text`. */
const packageOf = (name: string, text: string) =>
  scratch({
    [`node_modules/${name}/package.json`]: JSON.stringify({ name, type: 'module', exports: './index.js' }),
    [`node_modules/${name}/index.js`]: text,
  });

const failure = (setting: TransportSetting, from: string) =>
  errorOf(() => loadTransport(setting, from, builtin));

describe('a transport', () => {
  test('that is an object is that object', async () => {
    const transport = store('mine');
    expect(await loadTransport(transport, '/', builtin)).toBe(transport);
  });

  test('that is built in needs no package and gets its options', async () => {
    expect((await loadTransport('memory', '/', builtin)).name).toBe('memory');
    const options = { use: 'memory', x: 1 };
    const echo: TransportFactory = (given) => store(JSON.stringify(given));
    expect((await loadTransport(options, '/', { memory: echo })).name).toBe('{"x":1}');
  });

  test('is never taken from a prototype', async () => {
    expect((await failure('constructor', await scratch())).code).toBe('ERR_TRANSPORT');
  });

  test('may come from an asynchronous factory', async () => {
    const from = await packageOf(
      'acme',
      "export default async () => ({ kind: 'link', name: 'acme', capabilities: {}, open() {} })",
    );
    expect((await loadTransport('acme', from, builtin)).name).toBe('acme');
  });
});

const packages = fileURLToPath(new URL('../../', import.meta.url));

describe('a package that is not installed is ERR_TRANSPORT', () => {
  test('naming it, the command that installs it and what works', async () => {
    const from = await packageOf('@pigeonhole/transport-fifo', 'export default 1');
    // One of ours while there is one that has not been written; then somebody else's.
    const absent = ['shm', 'mqueue'].find((name) => !existsSync(join(packages, `transport-${name}`)));
    const [use, specifier] =
      absent === undefined ? ['@acme/none', '@acme/none'] : [absent, `@pigeonhole/transport-${absent}`];
    const error = await failure(use, from);
    expect(error).toMatchObject({ code: 'ERR_TRANSPORT', transport: use });
    expect(error.message).toContain(
      `transport "${use}": the package ${specifier} is not installed (looked from ${from}); ` +
        `npm install ${specifier}; transports that work here: memory, `,
    );
    expect(error.message).toMatch(/work here:.* fifo/);
  });

  test.each([
    ['@acme/transport', '@acme/transport'],
    ['@acme/transport/sub', '@acme/transport'],
    ['acme/sub', 'acme'],
    ['zzzzzzzz', 'zzzzzzzz'],
  ])('also for %s', async (specifier, name) => {
    const error = await failure(specifier, await scratch());
    expect(error.code).toBe('ERR_TRANSPORT');
    expect(error.message).toContain(`the package ${name} is not installed`);
    expect(error.message).toContain(`npm install ${name};`);
  });

  test.each([
    ['uds-dgram', "{ use: 'uds', socket: 'dgram' }"],
    ['udp-datagram', "{ use: 'udp', delivery: 'datagram' }"],
    ['mqueue-kernel', "{ use: 'mqueue', queue: 'kernel' }"],
  ])('%s, as it is called in messages, is asked for by an option', async (use, meant) => {
    const error = await failure(use, await scratch());
    expect(error.code).toBe('ERR_TRANSPORT');
    expect(error.message).toContain(`that is ${meant}`);
    expect(error.message).not.toContain('npm install');
  });

  test.each([
    ['udss', 'uds'],
    ['memroy', 'memory'],
    ['SHM', 'shm'],
  ])('and %s is taken for a slip: no command that might install a stranger’s package', async (use, meant) => {
    const error = await failure({ use }, await scratch());
    expect(error.code).toBe('ERR_TRANSPORT');
    expect(error.message).toContain(`did you mean '${meant}'?`);
    expect(error.message).not.toContain('npm install');
  });
});

describe('a module that is no transport is ERR_TRANSPORT', () => {
  const needed = 'it must be a function (options) => Transport';

  test.each([
    ['export const x = 1', 'undefined'],
    ['export default { open() {} }', '{}'],
    ['export default "uds"', '"uds"'],
  ])('when it says %s', async (text, shown) => {
    const error = await failure('acme', await packageOf('acme', text));
    expect(error.code).toBe('ERR_TRANSPORT');
    expect(error.message).toBe(`transport "acme": the default export of acme is ${shown}; ${needed}`);
  });

  test.each([
    'export default () => undefined',
    'export default () => ({ kind: "link", name: "x", capabilities: {} })',
    'export default () => ({ kind: "store", name: "x", capabilities: {}, open() {} })',
    'export default () => ({ kind: "link", capabilities: {}, open() {} })',
    'export default () => ({ kind: "link", name: "x", open() {} })',
  ])('when it says %s', async (text) => {
    const error = await failure('acme', await packageOf('acme', text));
    expect(error.code).toBe('ERR_TRANSPORT');
    expect(error.message).toMatch(
      /^transport "acme": its factory returned .*; it must return a Transport object \(kind/,
    );
  });

  test('when it throws while it loads', async () => {
    const error = await failure('acme', await packageOf('acme', 'throw new RangeError("mine")'));
    expect(error.code).toBe('ERR_TRANSPORT');
    expect(error.message).toBe('transport "acme": acme cannot be loaded: mine');
    expect(error.cause).toBeInstanceOf(RangeError);
  });

  test('when its factory throws', async () => {
    const error = await failure(
      'acme',
      await packageOf('acme', 'export default () => { throw new RangeError("mine") }'),
    );
    expect(error.code).toBe('ERR_TRANSPORT');
    expect(error.message).toBe('transport "acme": its factory failed: mine');
    expect(error.cause).toBeInstanceOf(RangeError);
  });

  test('when the file is not there', async () => {
    const from = await scratch();
    const error = await failure('./mine.js', from);
    expect(error.code).toBe('ERR_TRANSPORT');
    expect(error.message).toContain('transport "./mine.js": ./mine.js cannot be loaded: ');
    expect(error.message).toContain(join(from, 'mine.js'));
  });
});

test('a PigeonholeError of the package itself is passed on', async () => {
  const text = `
    class Branded extends Error {
      code = 'ERR_NATIVE_UNAVAILABLE';
      [Symbol.for('@pigeonhole/core:error')] = true;
    }
    export default () => { throw new Branded('no binary for this platform') };`;
  const error = await failure('acme', await packageOf('acme', text));
  expect(error).toMatchObject({ code: 'ERR_NATIVE_UNAVAILABLE', message: 'no binary for this platform' });
});
