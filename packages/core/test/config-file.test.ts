/** Configuration files that are modules: config-build.test.ts, since Vitest would load them in its own way. */
import { chmod, chown } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type RuntimeOptions, resolveConfig } from '../src/config.js';
import { errorOf, scratch } from './config-scratch.js';

const resolved = (cwd: string, options: RuntimeOptions = {}, env: NodeJS.ProcessEnv = {}) =>
  resolveConfig(options, { env, cwd });

const json = 'pigeonhole.config.json';

describe('the configuration file', () => {
  test('in the working directory is read', async () => {
    const cwd = await scratch({ [json]: '{ "name": "billing" }' });
    expect(await resolved(cwd)).toMatchObject({ name: 'billing', file: join(cwd, json) });
  });

  test('is looked for upward, the nearest wins', async () => {
    const root = await scratch({ [json]: '{"name":"far"}', [`a/${json}`]: '{"name":"near"}', 'a/b/c/x': '' });
    expect(await resolved(join(root, 'a/b/c'))).toMatchObject({ name: 'near', file: join(root, 'a', json) });
  });

  test('must be the only one in its directory', async () => {
    const cwd = await scratch({ [json]: '{}', 'pigeonhole.config.mjs': 'export default {}' });
    const error = await errorOf(() => resolved(cwd));
    expect(error.code).toBe('ERR_CONFIG');
    expect(error.message).toContain(`${join(cwd, json)} and ${join(cwd, 'pigeonhole.config.mjs')}; keep one`);
  });

  test('is not looked for with config: false', async () => {
    const cwd = await scratch({ [json]: '{"namespace":"shop"}' });
    expect(await resolved(cwd, { config: false })).toMatchObject({ namespace: 'default', file: null });
  });

  test('may be named, relative to the working directory', async () => {
    const cwd = await scratch({ [json]: '{"name":"found"}', 'etc/mine.json': '{"name":"named"}' });
    expect(await resolved(cwd, { config: 'etc/mine.json' })).toMatchObject({
      name: 'named',
      file: join(cwd, 'etc/mine.json'),
    });
  });

  test('that is named must be there', async () => {
    const cwd = await scratch();
    for (const name of ['mine.json', 'mine.js', 'mine.ts']) {
      const error = await errorOf(() => resolved(cwd, { config: name }));
      expect(error.code).toBe('ERR_CONFIG');
      expect(error.message).toContain(`cannot load configuration file ${join(cwd, name)}: ENOENT`);
    }
  });

  test('that is named must have a known extension', async () => {
    const error = await errorOf(() => resolved('/app', { config: 'mine.yaml' }));
    expect(error.code).toBe('ERR_CONFIG');
    expect(error.message).toBe(
      "configuration file /app/mine.yaml has the extension '.yaml'; allowed: .json, .js, .mjs, .ts",
    );
  });

  test('counts only as a file', async () => {
    const cwd = await scratch({ [`${json}/x`]: '' });
    expect((await resolved(cwd)).file).toBeNull();
  });

  test('of a stranger is passed over in a directory that everybody may write', async () => {
    const cwd = await scratch({ [json]: '{"name":"stranger"}' });
    await chmod(cwd, 0o1777);
    expect((await resolved(cwd)).file).toBe(join(cwd, json));
    if (process.geteuid?.() !== 0) return; // only root can make a file of another user
    await chown(join(cwd, json), 65_534, 65_534);
    expect((await resolved(cwd)).file).toBeNull();
    await chmod(cwd, 0o755);
    expect((await resolved(cwd)).file).toBe(join(cwd, json));
  });
});

describe('sources', () => {
  test('add up: defaults, file, environment, arguments', async () => {
    const cwd = await scratch({
      [json]: '{"name":"file","namespace":"file","logLevel":"info","closeDeadline":5}',
    });
    const env = { PIGEONHOLE_NAME: 'env', PIGEONHOLE_NAMESPACE: 'env' };
    expect(await resolved(cwd, { name: 'argument' }, env)).toMatchObject({
      name: 'argument',
      namespace: 'env',
      logLevel: 'info',
      closeDeadline: 5,
      inbox: { capacity: 1024 },
    });
  });

  test('merge mailboxes and limits key by key, and replace a transport whole', async () => {
    const file = {
      transport: { use: 'tcp', port: 7000, host: '::1' },
      mailboxes: { orders: { capacity: 5, transport: { use: 'tcp', port: 1 } }, refunds: { capacity: 6 } },
      limits: { maxDepth: 7, maxNodes: 8 },
      maxMessageBytes: 9,
    };
    const cwd = await scratch({ [json]: JSON.stringify(file) });
    const config = await resolved(cwd, {
      transport: { use: 'tcp', port: 7001 },
      mailboxes: { orders: { transport: { use: 'uds' } }, audit: {} },
      limits: { maxNodes: 10, maxMessageBytes: 11 },
    });
    expect(config.transport).toEqual({ use: 'tcp', port: 7001 });
    expect(config.limits).toMatchObject({ maxDepth: 7, maxNodes: 10, maxMessageBytes: 11 });
    expect(config.mailboxes).toEqual(
      new Map<string, unknown>([
        ['orders', { capacity: 5, transport: { use: 'uds' } }],
        ['refunds', { capacity: 6 }],
        ['audit', {}],
      ]),
    );
  });

  test('take paths in a file relative to that file', async () => {
    const file = {
      directory: 'run',
      transport: './mine.js',
      mailboxes: { a: { transport: { use: './b.js' } } },
    };
    const cwd = await scratch({ [json]: JSON.stringify(file), 'sub/x': '' });
    const config = await resolved(join(cwd, 'sub'));
    expect(config.directory).toBe(join(cwd, 'run'));
    expect(config.transport).toBe(join(cwd, 'mine.js'));
    expect(config.mailboxes.get('a')?.transport).toEqual({ use: join(cwd, 'b.js') });
    expect(config.resolveFrom).toBe(join(cwd, 'sub'));
  });
});

describe('what is wrong in a file', () => {
  test('that is not JSON is ERR_CONFIG with the file and the cause', async () => {
    const cwd = await scratch({ [json]: '{ "name": ' });
    const error = await errorOf(() => resolved(cwd));
    expect(error.code).toBe('ERR_CONFIG');
    expect(error.message).toContain(`cannot load configuration file ${join(cwd, json)}: `);
    expect(error.cause).toBeInstanceOf(SyntaxError);
    expect(error.address).toBe(join(cwd, json));
  });

  test.each([
    ['[]', 'the configuration is [] in FILE; allowed: an object'],
    ['null', 'the configuration is null in FILE; allowed: an object'],
    [
      '{"mailboxes":{"orders":{"capacity":-1}}}',
      'mailboxes.orders.capacity is -1 in FILE; allowed: 0 (rendezvous)',
    ],
    ['{"config":"other.json"}', 'unknown key config in FILE; allowed keys: name, namespace'],
    ['{"logger":{"level":"info"}}', 'logger is {"level":"info"} in FILE; allowed: false, or an object'],
  ])('%s is ERR_CONFIG with the file', async (text, expected) => {
    const cwd = await scratch({ [json]: text });
    const error = await errorOf(() => resolved(cwd));
    expect(error.code).toBe('ERR_CONFIG');
    expect(error.message).toContain(expected.replace('FILE', join(cwd, json)));
  });

  test('a name is ERR_NAME with the file', async () => {
    const cwd = await scratch({ [json]: '{"mailboxes":{"a b":{}}}' });
    const error = await errorOf(() => resolved(cwd));
    expect(error.code).toBe('ERR_NAME');
    expect(error.message).toContain(`it stands in ${join(cwd, json)}`);
  });

  test('is said though a stronger source overrides it', async () => {
    const cwd = await scratch({ [json]: '{"closeDeadline":"soon"}' });
    expect((await errorOf(() => resolved(cwd, { closeDeadline: 5 }))).message).toContain(
      'closeDeadline is "soon"',
    );
  });
});
