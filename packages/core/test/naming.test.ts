import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkName,
  checkSocketPath,
  defaultDirectory,
  isIncarnation,
  isName,
  type Named,
  namespacePaths,
  newIncarnation,
  parseNamespaceFile,
} from '../src/naming.js';
import { errorOf } from './config-scratch.js';

const incarnation = '0123456789abcdef';

describe('R1: names', () => {
  test.each(['a', '0', 'A.b_c-d', 'x'.repeat(128), 'constructor'])('%s is a name', (name) => {
    checkName(name, 'mailbox');
    expect(isName(name)).toBe(true);
  });

  test.each([
    ['', '""'],
    ['x'.repeat(129), '"xxx'],
    ['.a', '".a"'],
    ['-a', '"-a"'],
    ['_a', '"_a"'],
    ['a b', '"a b"'],
    ['a/b', '"a/b"'],
    ['..', '".."'],
    ['a\n', '"a\\n"'],
    ['a\0', '"a\\u0000"'],
    ['ä', '"ä"'],
    [7, '7'],
    [null, 'null'],
    [undefined, 'undefined'],
    [{}, '{}'],
  ])('%j is ERR_NAME, naming object, value and rule', async (name, shown) => {
    const error = await errorOf(() => checkName(name, 'peer'));
    expect(error.code).toBe('ERR_NAME');
    expect(error.message).toContain(`peer name ${shown}`);
    expect(error.message).toContain('^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$');
    expect(isName(name)).toBe(false);
  });

  test.each<Named>(['mailbox', 'peer', 'process', 'namespace'])('a %s is called one', async (of) => {
    expect((await errorOf(() => checkName('?', of))).message).toMatch(new RegExp(`^${of} name "\\?"`));
  });
});

describe('the runtime directory', () => {
  test('is in XDG_RUNTIME_DIR', () => {
    expect(defaultDirectory({ XDG_RUNTIME_DIR: '/run/user/7' })).toBe('/run/user/7/pigeonhole');
  });

  test.each([undefined, '', 'run/user/7'])('is in the temporary directory when that is %j', (value) => {
    const expected = join(tmpdir(), `pigeonhole-${process.geteuid?.()}`);
    expect(defaultDirectory(value === undefined ? {} : { XDG_RUNTIME_DIR: value })).toBe(expected);
  });
});

describe('the layout of a namespace', () => {
  const paths = namespacePaths('/run/ph', 'shop');

  test('is this', () => {
    expect(paths.root).toBe('/run/ph/shop');
    expect(paths.presence(incarnation)).toBe(`/run/ph/shop/${incarnation}.sock`);
    expect(paths.record(incarnation)).toBe(`/run/ph/shop/${incarnation}.json`);
    expect(paths.port(incarnation, 'uds')).toBe(`/run/ph/shop/${incarnation}.uds`);
    expect(paths.staging(paths.presence(incarnation))).toBe(`/run/ph/shop/${incarnation}.sock.new`);
    expect(paths.peersOf('billing')).toBe('/run/ph/shop/peers/billing');
    expect(paths.peerClaim('billing', incarnation)).toBe(`/run/ph/shop/peers/billing/${incarnation}`);
    expect(paths.hostsOf('orders')).toBe('/run/ph/shop/hosts/orders');
    expect(paths.hostClaim('orders', incarnation)).toBe(`/run/ph/shop/hosts/orders/${incarnation}`);
  });

  test('keeps a namespace of 24 characters and shortens one of 25', () => {
    expect(namespacePaths('/d', 'n'.repeat(24)).root).toBe(`/d/${'n'.repeat(24)}`);
    expect(namespacePaths('/d', 'n'.repeat(25)).root).toMatch(/^\/d\/n{10}~[0-9a-z]{12}$/);
  });

  test('never gives two namespaces one directory', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/);
    fc.assert(
      fc.property(name, name, (a, b) => {
        const same = namespacePaths('/d', a).root === namespacePaths('/d', b).root;
        expect(same).toBe(a === b);
      }),
    );
    const long = 'n'.repeat(100);
    expect(namespacePaths('/d', `${long}1`).root).not.toBe(namespacePaths('/d', `${long}2`).root);
  });

  test('refuses names from outside that would leave it', async () => {
    for (const bad of ['..', '../x', 'a/b', '', '/etc'])
      for (const path of [paths.peersOf, paths.hostsOf])
        expect((await errorOf(() => path(bad))).code).toBe('ERR_NAME');
    for (const bad of ['..', '../../0123456789', '0123456789ABCDEF', ''])
      for (const path of [paths.presence, paths.record, (text: string) => paths.hostClaim('orders', text)])
        expect((await errorOf(() => path(bad))).code).toBe('ERR_CORRUPT');
  });

  test.each(['sock', 'json', 'new', '', 'a/b', 'UDS', 'x.new', '-a', 'a'.repeat(33)])(
    'has no port for a transport called %j',
    async (name) => {
      const error = await errorOf(() => paths.port(incarnation, name));
      expect(error.code).toBe('ERR_TRANSPORT');
      expect(error.message).toContain(`transport name "${name}" is not allowed`);
    },
  );

  test('refuses a namespace that is no name', async () => {
    expect((await errorOf(() => namespacePaths('/d', 'a/b'))).code).toBe('ERR_NAME');
  });

  test('reads back the file names that it makes, and no others', () => {
    const names = { presence: 'sock', record: 'json', port: 'uds' } as const;
    for (const [kind, suffix] of Object.entries(names)) {
      const expected = { incarnation, kind, transport: kind === 'port' ? suffix : null };
      const name = `${incarnation}.${suffix}`;
      expect(parseNamespaceFile(name)).toEqual({ ...expected, staging: false });
      expect(parseNamespaceFile(`${name}.new`)).toEqual({ ...expected, staging: true });
    }
    for (const other of [
      'peers',
      'hosts',
      incarnation,
      `${incarnation}.new`,
      `${incarnation}.a.b`,
      '.sock',
      'x.sock',
    ])
      expect(parseNamespaceFile(other)).toBeNull();
  });
});

test('an incarnation is 16 lower-case hexadecimal characters and never comes twice', () => {
  const many = Array.from({ length: 1000 }, newIncarnation);
  expect(many.every(isIncarnation)).toBe(true);
  expect(new Set(many).size).toBe(1000);
  for (const other of ['', incarnation.toUpperCase(), `${incarnation}0`, 7, null])
    expect(isIncarnation(other)).toBe(false);
});

describe('a socket path', () => {
  const limit = process.platform === 'linux' ? 107 : 103;

  test('may fill sun_path but for its NUL', () => {
    checkSocketPath(`/${'a'.repeat(limit - 1)}`);
  });

  test('is counted in bytes; one too many names path, length, limit and what to do', async () => {
    const path = `/${'ä'.repeat(limit / 2)}a`;
    const error = await errorOf(() => checkSocketPath(path));
    expect(error.code).toBe('ERR_PATH_TOO_LONG');
    expect(error.message).toContain(path);
    expect(error.message).toContain(`${Buffer.byteLength(path)} bytes`);
    expect(error.message).toContain(`at most ${limit}`);
    expect(error.message).toMatch(/PIGEONHOLE_DIR or the option 'directory' to a shorter path/);
  });

  test('of the longest namespace fits under the usual directories', () => {
    for (const directory of ['/run/user/4294967294/pigeonhole', '/tmp/pigeonhole-4294967294']) {
      const paths = namespacePaths(directory, 'n'.repeat(128));
      checkSocketPath(paths.staging(paths.presence(incarnation)));
    }
  });
});
