import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../src/codec.js';
import { type RuntimeOptions, resolveConfig } from '../src/config.js';
import { isName } from '../src/naming.js';
import { errorOf, scratch } from './config-scratch.js';

/** With no file and an empty environment, unless given. */
function resolved(options: unknown = {}, env: NodeJS.ProcessEnv = {}, cwd = '/app') {
  const without = typeof options === 'object' && options !== null ? { config: false, ...options } : options;
  return resolveConfig(without as RuntimeOptions, { env, cwd });
}

const linkTransport = {
  kind: 'link',
  name: 'mine',
  capabilities: { sync: false, crossThread: true, crossProcess: true, crossHost: false, durable: false },
  open: () => Promise.reject(new Error('not opened here')),
} as const;

describe('defaults', () => {
  test('are these', async () => {
    const config = await resolved();
    expect(config).toEqual({
      name: config.name,
      namespace: 'default',
      transport: undefined,
      mailboxes: new Map(),
      directory: join(tmpdir(), `pigeonhole-${process.geteuid?.()}`),
      logger: undefined,
      logLevel: 'warn',
      limits: { maxMessageBytes: 16_777_216, maxDepth: 128, maxNodes: 1_048_576, maxBytes: 1_073_741_824 },
      inbox: { capacity: 1024 },
      busyPoll: availableParallelism() > 1 ? 50 : 0,
      closeDeadline: 1000,
      file: null,
      resolveFrom: '/app',
    });
  });

  test('give every process a name of its own', async () => {
    const [first, second] = [await resolved(), await resolved()];
    expect(isName(first.name)).toBe(true);
    expect(first.name).toContain(`-${process.pid}-`);
    expect(first.name).not.toBe(second.name);
  });

  test.each([
    ['/app/my worker.mjs', 'my-worker'],
    ['/app/_.js', 'node'],
    [undefined, 'node'],
    [`/app/${'x'.repeat(200)}.js`, 'x'.repeat(80)],
  ])('call the process of %s %s', async (script, expected) => {
    const original = process.argv[1];
    process.argv[1] = script as string;
    const { name } = await resolved().finally(() => {
      process.argv[1] = original as string;
    });
    expect(name.slice(0, name.indexOf(`-${process.pid}-`))).toBe(expected);
    expect(isName(name)).toBe(true);
  });
});

describe('arguments', () => {
  test('are taken over', async () => {
    const logger = pino({ level: 'silent' });
    const config = await resolved({
      name: 'billing',
      namespace: 'shop',
      transport: 'uds',
      mailboxes: {
        orders: { capacity: 0, transport: { use: 'tcp', port: 7000 } },
        constructor: { maxBytes: 1 },
      },
      directory: 'run/ph',
      logger,
      logLevel: 'debug',
      limits: { maxDepth: 7 },
      inbox: { capacity: 'unbounded' },
      busyPoll: 1000,
      closeDeadline: 0,
    });
    expect(config).toMatchObject({
      name: 'billing',
      namespace: 'shop',
      transport: 'uds',
      directory: '/app/run/ph',
      logLevel: 'debug',
      limits: { maxDepth: 7, maxBytes: 1_073_741_824 },
      inbox: { capacity: 'unbounded' },
      busyPoll: 1000,
      closeDeadline: 0,
    });
    expect(config.logger).toBe(logger);
    expect(config.mailboxes).toEqual(
      new Map<string, unknown>([
        ['orders', { capacity: 0, transport: { use: 'tcp', port: 7000 } }],
        ['constructor', { maxBytes: 1 }],
      ]),
    );
  });

  test('that are undefined are absent', async () => {
    const config = await resolved(
      {
        transport: undefined,
        limits: { maxDepth: undefined },
        mailboxes: { orders: { capacity: undefined } },
      },
      { PIGEONHOLE_TRANSPORT: 'uds' },
    );
    expect(config.transport).toBe('uds');
    expect(config.limits.maxDepth).toBe(128);
    expect(config.mailboxes.get('orders')).toEqual({});
  });

  test('may hold a Transport object, which stays the same object', async () => {
    const config = await resolved({
      transport: linkTransport,
      mailboxes: { orders: { transport: linkTransport } },
    });
    expect(config.transport).toBe(linkTransport);
    expect(config.mailboxes.get('orders')?.transport).toBe(linkTransport);
  });

  test('make a relative module of a transport absolute', async () => {
    const config = await resolved({
      transport: './mine.js',
      mailboxes: { a: { transport: { use: '../b.js', x: 1 } } },
    });
    expect(config.transport).toBe('/app/mine.js');
    expect(config.mailboxes.get('a')?.transport).toEqual({ use: '/b.js', x: 1 });
  });

  test('know maxMessageBytes by its short name', async () => {
    expect((await resolved({ maxMessageBytes: 10, limits: { maxDepth: 2 } })).limits).toMatchObject({
      maxMessageBytes: 10,
      maxDepth: 2,
    });
    expect(
      (await resolved({ maxMessageBytes: 10, limits: { maxMessageBytes: 10 } })).limits.maxMessageBytes,
    ).toBe(10);
    const error = await errorOf(() => resolved({ maxMessageBytes: 10, limits: { maxMessageBytes: 11 } }));
    expect(error.code).toBe('ERR_CONFIG');
    expect(error.message).toBe(
      'maxMessageBytes is 10 and limits.maxMessageBytes is 11 in the arguments; they are the same limit: give one of them',
    );
  });

  test('nest as deep as decoding can bear, and no deeper', async () => {
    expect((await resolved({ limits: { maxDepth: 512 } })).limits.maxDepth).toBe(512);
    const error = await errorOf(() => resolved({ limits: { maxDepth: 513 } }));
    expect(error.code).toBe('ERR_CONFIG');
    expect(error.message).toMatch(/limits\.maxDepth.* 513.*1 to 512/);
    const { maxBytes: _, ...limits } = (await resolved({})).limits;
    expect(limits).toEqual(defaultLimits);
  });

  test('take console and false as a logger', async () => {
    expect((await resolved({ logger: console })).logger).toBe(console);
    expect((await resolved({ logger: false })).logger).toBe(false);
  });
});

describe('the environment', () => {
  test('sets six options', async () => {
    const config = await resolved(
      {},
      {
        PIGEONHOLE_TRANSPORT: 'shm',
        PIGEONHOLE_NAMESPACE: 'shop',
        PIGEONHOLE_DIR: '/run/ph',
        PIGEONHOLE_NAME: 'billing',
        PIGEONHOLE_LOG_LEVEL: 'trace',
        PIGEONHOLE_BUSY_POLL: '0',
      },
    );
    expect(config).toMatchObject({
      transport: 'shm',
      namespace: 'shop',
      directory: '/run/ph',
      name: 'billing',
      logLevel: 'trace',
      busyPoll: 0,
    });
  });

  test('has no variables but those, though one that is nearly one of them is an error', async () => {
    for (const [variable, meant] of [
      ['PIGEONHOLE_TRANSPROT', 'PIGEONHOLE_TRANSPORT'],
      ['PIGEONHOLE_DIRECTORY', 'PIGEONHOLE_DIR'],
      ['PIGEONHOLE_LOGLEVEL', 'PIGEONHOLE_LOG_LEVEL'],
      ['PIGEONHOLE_BUSYPOLL', 'PIGEONHOLE_BUSY_POLL'],
    ] as const) {
      const error = await errorOf(() => resolved({}, { [variable]: 'x' }));
      expect(error.code).toBe('ERR_CONFIG');
      expect(error.message).toContain(`variable ${variable} is none of ours; did you mean '${meant}'?`);
    }
    for (const other of [
      'PIGEONHOLE_NATIVE',
      'PIGEONHOLE_PIPE',
      'PIGEONHOLE_TESTS',
      'PIGEONHOLE',
      'ACME_TRANSPROT',
    ])
      await resolved({}, { [other]: 'x' });
  });

  test('is weaker than arguments, and an empty variable is not set', async () => {
    const env = { PIGEONHOLE_NAME: 'weak', PIGEONHOLE_NAMESPACE: '', PIGEONHOLE_DIR: 'ph' };
    expect(await resolved({ name: 'strong' }, env)).toMatchObject({
      name: 'strong',
      namespace: 'default',
      directory: '/app/ph',
    });
  });

  test('gives a transport options as JSON', async () => {
    const env = { PIGEONHOLE_TRANSPORT: '{"use":"tcp","port":7000}' };
    expect((await resolved({}, env)).transport).toEqual({ use: 'tcp', port: 7000 });
    const error = await errorOf(() => resolved({}, { PIGEONHOLE_TRANSPORT: '{"use":' }));
    expect(error.code).toBe('ERR_CONFIG');
    expect(error.message).toMatch(
      /^transport in the environment variable PIGEONHOLE_TRANSPORT is not JSON: /,
    );
    expect(error.cause).toBeInstanceOf(SyntaxError);
  });

  test('is named in errors', async () => {
    const poll = await errorOf(() => resolved({}, { PIGEONHOLE_BUSY_POLL: 'off' }));
    expect(poll.message).toContain('busyPoll is "off" in the environment variable PIGEONHOLE_BUSY_POLL');
    const level = await errorOf(() => resolved({}, { PIGEONHOLE_LOG_LEVEL: 'loud' }));
    expect(level.message).toBe(
      'logLevel is "loud" in the environment variable PIGEONHOLE_LOG_LEVEL; ' +
        "allowed: 'fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'",
    );
    const name = await errorOf(() => resolved({}, { PIGEONHOLE_NAMESPACE: 'a/b' }));
    expect(name.code).toBe('ERR_NAME');
    expect(name.message).toMatch(
      /^namespace name "a\/b" is not allowed: .*environment variable PIGEONHOLE_NAMESPACE$/,
    );
  });

  test('is the process’s own by default', async () => {
    const cwd = await scratch();
    expect((await resolveConfig({ config: false }, { env: process.env, cwd })).resolveFrom).toBe(cwd);
    expect((await resolveConfig({ config: false })).resolveFrom).toBe(process.cwd());
  });
});

describe('names', () => {
  test.each([
    ['process', { name: 'a b' }, '"a b"'],
    ['process', { name: 7 }, '7'],
    ['process', { name: null }, 'null'],
    ['namespace', { namespace: '' }, '""'],
    ['mailbox', { mailboxes: { 'a/b': {} } }, '"a/b"'],
    ['mailbox', { mailboxes: JSON.parse('{"__proto__": {}}') }, '"__proto__"'],
  ])('of a %s that break R1 are ERR_NAME: %j', async (of, options, shown) => {
    const error = await errorOf(() => resolved(options));
    expect(error.code).toBe('ERR_NAME');
    expect(error.message).toContain(`${of} name ${shown} is not allowed`);
    expect(error.message).toContain('it stands in the arguments');
  });
});

const capacities = "0 (rendezvous), an integer from 1 to 4294967294, or 'unbounded'";
const forms =
  "a transport's name ('uds', 'shm', ...), a module specifier, { use: name or specifier, ...options }, or a Transport object";
const bytes = 'an integer from 1 to 9007199254740991 (bytes)';

describe('anything else wrong is ERR_CONFIG with key, value, source and what is allowed', () => {
  test.each<[string, unknown, string, string]>([
    ['mailboxes.orders.capacity', { mailboxes: { orders: { capacity: -1 } } }, '-1', capacities],
    ['mailboxes.orders.capacity', { mailboxes: { orders: { capacity: 2 ** 32 } } }, '4294967296', capacities],
    ['mailboxes.orders.capacity', { mailboxes: { orders: { capacity: '7' } } }, '"7"', capacities],
    ['mailboxes.orders.capacity', { mailboxes: { orders: { capacity: null } } }, 'null', capacities],
    [
      'mailboxes.orders.ordering',
      { mailboxes: { orders: { ordering: 'lifo' } } },
      '"lifo"',
      "'fifo', 'priority'",
    ],
    ['mailboxes.orders.maxBytes', { mailboxes: { orders: { maxBytes: 0 } } }, '0', bytes],
    ['mailboxes.orders.transport', { mailboxes: { orders: { transport: 7 } } }, '7', forms],
    ['mailboxes.orders', { mailboxes: { orders: 5 } }, '5', 'an object'],
    ['mailboxes', { mailboxes: [] }, '[]', 'an object'],
    ['mailboxes', { mailboxes: null }, 'null', 'an object'],
    ['transport', { transport: '' }, '""', forms],
    ['transport', { transport: null }, 'null', forms],
    ['transport.use', { transport: { port: 7 } }, 'undefined', forms],
    ['transport.use', { transport: { use: 7, token: 'secret' } }, '7', forms],
    ['directory', { directory: '' }, '""', 'the path of a directory'],
    ['directory', { directory: 'a\0b' }, '"a\\u0000b"', 'the path of a directory'],
    ['directory', { directory: 7 }, '7', 'the path of a directory'],
    ['logger', { logger: {} }, '{}', 'false, or an object with the functions debug, info, warn and error'],
    [
      'logger',
      { logger: true },
      'true',
      'false, or an object with the functions debug, info, warn and error',
    ],
    ['logLevel', { logLevel: 3 }, '3', "'fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'"],
    ['limits', { limits: 7 }, '7', 'an object'],
    ['limits', { limits: [] }, '[]', 'an object'],
    ['limits.maxDepth', { limits: { maxDepth: 513 } }, '513', 'an integer from 1 to 512 (levels)'],
    ['limits.maxNodes', { limits: { maxNodes: 0.5 } }, '0.5', 'an integer from 1 to 2147483647 (values)'],
    ['limits.maxBytes', { limits: { maxBytes: Number.NaN } }, 'NaN', bytes],
    [
      'limits.maxMessageBytes',
      { limits: { maxMessageBytes: '16MB' } },
      '"16MB"',
      'an integer from 1 to 1073741824 (bytes)',
    ],
    [
      'maxMessageBytes',
      { maxMessageBytes: 2 ** 31 },
      '2147483648',
      'an integer from 1 to 1073741824 (bytes)',
    ],
    ['inbox.capacity', { inbox: { capacity: 1.5 } }, '1.5', capacities],
    ['busyPoll', { busyPoll: 1001 }, '1001', 'an integer from 0 to 1000 (microseconds)'],
    ['closeDeadline', { closeDeadline: -1 }, '-1', 'an integer from 0 to 2147483647 (milliseconds)'],
    ['config', { config: true }, 'true', 'false (look for no file), or the path of a configuration file'],
    ['config', { config: '' }, '""', 'false (look for no file), or the path of a configuration file'],
    ['the configuration', 'uds', '"uds"', 'an object'],
    ['the configuration', null, 'null', 'an object'],
  ])('%s of %j', async (key, options, shown, allowed) => {
    const error = await errorOf(() => resolved(options));
    expect(error.code).toBe('ERR_CONFIG');
    expect(error.message).toContain(`${key} is ${shown} in the arguments; allowed: ${allowed}`);
    expect(error.message).not.toContain('secret');
  });

  test.each([
    ['capcity', { mailboxes: { orders: { capcity: 5 } } }, 'mailboxes.orders.capcity', 'capacity'],
    ['transprot', { transprot: 'uds' }, 'transprot', 'transport'],
    ['maxmessagebytes', { limits: { maxmessagebytes: 5 } }, 'limits.maxmessagebytes', 'maxMessageBytes'],
    ['capacities', { inbox: { capacities: 5 } }, 'inbox.capacities', 'capacity'],
  ])('an unknown key %s, with what was probably meant', async (_, options, key, meant) => {
    const error = await errorOf(() => resolved(options));
    expect(error.code).toBe('ERR_CONFIG');
    expect(error.message).toContain(
      `unknown key ${key} in the arguments; did you mean '${meant}'? allowed keys: `,
    );
  });

  test('an unknown key that resembles none', async () => {
    const error = await errorOf(() => resolved({ mailboxes: { orders: { colour: 'red' } } }));
    expect(error.message).toBe(
      'unknown key mailboxes.orders.colour in the arguments; allowed keys: transport, capacity, ordering, maxBytes',
    );
  });
});
