/**
 * What depends on Node's own module loading, with `config.ts` built as it ships (ESM and CommonJS) and run by a child
 * process: configuration files that are code, transports that are packages.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'tsup';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scratch } from './config-scratch.js';

const core = fileURLToPath(new URL('..', import.meta.url));
let built: string;

beforeAll(async () => {
  await mkdir(join(core, 'build'), { recursive: true });
  built = await mkdtemp(join(core, 'build', 'config-')); // inside the package: its dependencies are found from there
  const common = {
    config: false,
    silent: true,
    entry: { config: join(core, 'src/config.ts') },
    outDir: built,
    target: 'node20',
    skipNodeModulesBundle: true,
  } as const;
  await build({ ...common, format: 'esm' });
  await build({ ...common, format: 'cjs', shims: true });
});

afterAll(() => rm(built, { recursive: true, force: true }));

type Outcome = {
  result?: unknown;
  error?: { code: string; message: string; cause: string };
};

/** The program: calls one function of the build with JSON arguments and prints what came out. */
const program = (load: string, call: string) => `${load}
const report = (outcome) => console.log(JSON.stringify(outcome));
(async () => ${call})().then(
  (result) => report({ result }),
  (error) => report({ error: { code: error.code, message: error.message, cause: error.cause?.name ?? '' } }),
);`;

/** Runs `call` in a script beside the files, in either build, and gives what it printed. */
async function run(
  format: 'esm' | 'cjs',
  call: string,
  files: Record<string, string>,
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<{ directory: string } & Outcome> {
  const esm = `import { resolveConfig, loadTransport } from ${JSON.stringify(pathToFileURL(join(built, 'config.js')))};`;
  const cjs = `const { resolveConfig, loadTransport } = require(${JSON.stringify(join(built, 'config.cjs'))});`;
  const script = format === 'esm' ? 'app.mjs' : 'app.cjs';
  const directory = await scratch({ ...files, [script]: program(format === 'esm' ? esm : cjs, call) });
  const { stdout } = await promisify(execFile)(process.execPath, [join(directory, script)], {
    cwd: options.cwd ?? directory,
    env: { PATH: process.env.PATH, ...options.env },
  });
  return { directory, ...(JSON.parse(stdout) as Outcome) };
}

const resolveName = 'resolveConfig().then(({ name, file }) => ({ name, file }))';

describe.each(['esm', 'cjs'] as const)('the %s build', (format) => {
  test.each<[string, string, Record<string, string>?]>([
    ['pigeonhole.config.json', '{ "name": "m" }'],
    ['pigeonhole.config.mjs', 'export default { name: "m" }'],
    ['pigeonhole.config.mjs', 'export default () => ({ name: "m" })'],
    ['pigeonhole.config.mjs', 'export default async () => ({ name: "m" })'],
    ['pigeonhole.config.mjs', 'const name = await Promise.resolve("m"); export default { name }'],
    ['pigeonhole.config.js', 'module.exports = { name: "m" }'],
    ['pigeonhole.config.js', 'module.exports = async () => ({ name: "m" })'],
    ['pigeonhole.config.js', 'exports.__esModule = true; exports.default = { name: "m" }'],
    ['pigeonhole.config.js', 'export default { name: "m" }', { 'package.json': '{"type":"module"}' }],
    ['pigeonhole.config.ts', 'const c: { name: string } = { name: "m" }; export default c;'],
    [
      'pigeonhole.config.ts',
      'export default (): object => ({ name: "m" });',
      { 'package.json': '{"type":"module"}' },
    ],
    [
      'pigeonhole.config.ts',
      'import { name } from "./name.ts"; export default { name };',
      { 'name.ts': 'export const name: string = "m";' },
    ],
  ])('reads %s: %s', async (file, text, more = {}) => {
    const { directory, ...outcome } = await run(format, resolveName, { [file]: text, ...more });
    expect(outcome).toEqual({ result: { name: 'm', file: join(directory, file) } });
  });

  test.each([
    ['pigeonhole.config.mjs', 'export default {', 'SyntaxError', ''],
    ['pigeonhole.config.mjs', 'throw new RangeError("mine")', 'RangeError', 'mine'],
    ['pigeonhole.config.mjs', 'export default () => { throw new RangeError("mine") }', 'RangeError', 'mine'],
    [
      'pigeonhole.config.mjs',
      'export default async () => { throw new RangeError("mine") }',
      'RangeError',
      'mine',
    ],
    ['pigeonhole.config.mjs', 'import "not-there"', 'Error', "Cannot find package 'not-there'"],
    ['pigeonhole.config.ts', 'export default (: {', '', ''],
  ])('%s: %s is ERR_CONFIG with the file and the cause', async (file, text, cause, reason) => {
    const { directory, error } = await run(format, resolveName, { [file]: text });
    expect(error?.code).toBe('ERR_CONFIG');
    expect(error?.message).toContain(`cannot load configuration file ${join(directory, file)}: ${reason}`);
    if (cause !== '') expect(error?.cause).toBe(cause);
  });

  test.each(['export const name = "m"', ''])(
    'a module without a default export is ERR_CONFIG: %j',
    async (text) => {
      const { directory, error } = await run(format, resolveName, { 'pigeonhole.config.mjs': text });
      expect(error?.code).toBe('ERR_CONFIG');
      expect(error?.message).toBe(
        `configuration file ${join(directory, 'pigeonhole.config.mjs')} has no default export; ` +
          'allowed: an object of options, or a function that returns one',
      );
    },
  );

  test('takes environment, working directory and script name from the process', async () => {
    const call =
      'resolveConfig().then(({ name, namespace, resolveFrom, directory }) => ({ name, namespace, resolveFrom, directory }))';
    const env = { PIGEONHOLE_NAMESPACE: 'shop', XDG_RUNTIME_DIR: '/run/user/7' };
    const { directory, result } = await run(format, call, {}, { env });
    expect(result).toMatchObject({
      namespace: 'shop',
      resolveFrom: directory,
      directory: '/run/user/7/pigeonhole',
    });
    expect(result).toHaveProperty('name', expect.stringMatching(/^app-\d+-[0-9a-f]{6}$/));
  });

  /** A package whose factory answers with its own format and its options. */
  const packageFiles = (name: string, exports: object) => {
    const made = (build: string) =>
      `(options) => ({ kind: 'link', name: JSON.stringify({ build: '${build}', options }), capabilities: {}, open() {} })`;
    return {
      [`node_modules/${name}/package.json`]: JSON.stringify({ name, exports }),
      [`node_modules/${name}/index.mjs`]: `export default ${made('esm')}`,
      [`node_modules/${name}/index.cjs`]: `exports.__esModule = true; exports.default = ${made('cjs')}`,
    };
  };
  const dual = { import: './index.mjs', require: './index.cjs' };
  const load = (setting: unknown, from = 'process.cwd()') =>
    `loadTransport(${JSON.stringify(setting)}, ${from}, {}).then(({ name }) => JSON.parse(name))`;

  test('loads a transport of ours from the application, in its own format', async () => {
    const { result } = await run(
      format,
      load({ use: 'pipe', x: 1 }),
      packageFiles('@pigeonhole/transport-pipe', dual),
    );
    expect(result).toEqual({ build: format, options: { x: 1 } });
  });

  test.each([
    ['@acme/t', { import: './index.mjs' }, 'esm'],
    ['@acme/t', { require: './index.cjs' }, 'cjs'],
    ['acme', { '.': dual }, format],
    ['@acme/t/sub', { './sub': './index.mjs' }, 'esm'],
  ])('loads %s, which exports %j', async (specifier, exports, expected) => {
    const name = specifier.replace('/sub', '');
    const { result } = await run(format, load(specifier), packageFiles(name, exports));
    expect(result).toEqual({ build: expected, options: {} });
  });

  test('finds packages from the main script when the working directory is elsewhere', async () => {
    const { result } = await run(format, load('@acme/t'), packageFiles('@acme/t', dual), { cwd: '/' });
    expect(result).toMatchObject({ build: format });
  });

  test.each(['./mine.mjs', './mine.cjs', './mine.ts'])('loads the file %s', async (file) => {
    const made = "() => ({ kind: 'store', name: '{}', capabilities: {}, attach() {} })";
    const text = file.endsWith('cjs') ? `module.exports = ${made}` : `export default ${made}`;
    const { result, error } = await run(format, load(file), { [file]: text });
    expect(error).toBeUndefined();
    expect(result).toEqual({});
  });
});
