/** `npm run new-transport`: what a contributor gets type-checks, builds, loads and passes the whole suite before any change. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rulesFor } from '@pigeonhole/core/conformance';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { blocksOf } from './readme-blocks.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
/** Ends what hangs; vitest's own watchdog ends a file that reports nothing for 300 s. */
const PATIENCE = 280_000;

interface Outcome {
  readonly code: number;
  readonly printed: string;
}

/** Runs a script of this checkout, without what vitest has put into the environment of its workers. */
function node(script: string, args: readonly string[], cwd = root): Promise<Outcome> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^VITEST|^NODE_V8_COVERAGE$/.test(name)),
  );
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(root, script), ...args],
      { cwd, env, maxBuffer: 2 ** 26 },
      (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), printed: out + err });
      },
    );
  });
}

/**
 * A folder like the checkout, inside it, so that packages resolve the same way: `build/` is ignored by git, and no vitest
 * project, turbo task or Biome run looks in there. Other tests may run meanwhile.
 */
class Checkout {
  readonly folder = join(root, 'build', `new-transport-${randomUUID()}`);
  readonly packages = join(this.folder, 'packages');

  make(): void {
    mkdirSync(this.packages, { recursive: true });
    symlinkSync(join(root, 'scripts'), join(this.folder, 'scripts'));
    writeFileSync(join(this.folder, 'tsconfig.base.json'), '{ "extends": "../../tsconfig.base.json" }\n');
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
    try {
      rmdirSync(join(root, 'build'));
    } catch {
      // Another test has a folder in there.
    }
  }
}

/** The settings of the checkout, for one package outside its projects. */
const vitestConfig = (folder: string, report: string): string => `
import checkout from '../../vitest.config.ts';
const { projects, ...test } = checkout.test;
export default {
  ...checkout,
  test: {
    ...test,
    root: ${JSON.stringify(folder)},
    include: ['test/**/*.test.ts'],
    maxWorkers: 1,
    reporters: ['json'],
    outputFile: ${JSON.stringify(report)},
  },
};
`;

/** A message from one runtime to another of the same process, the transport being named as in a configuration file. */
const byName = `
import assert from 'node:assert/strict';
import { createRuntime, mailbox } from '@pigeonhole/core';
const options = { namespace: 'by-name', transport: '@pigeonhole/transport-shared-files', config: false };
const [a, b] = [await createRuntime({ ...options, name: 'a' }), await createRuntime({ ...options, name: 'b' })];
const orders = mailbox('orders', { capacity: 1 });
const receiver = await b.receiver(orders);
await a.send(orders, { id: 1 });
const { body, from } = await receiver.receive();
assert.deepEqual({ body, from, host: a.explain(orders).host }, { body: { id: 1 }, from: 'a', host: 'b' });
await a.close();
await b.close();
`;

interface Report {
  readonly numPassedTests: number;
  readonly numTotalTests: number;
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** What failed, in words. */
function failures({ testResults }: Report): string[] {
  return testResults.flatMap(({ message, assertionResults }) => [
    ...(message === '' ? [] : [message]),
    ...assertionResults
      .filter(({ status }) => status !== 'passed')
      .map(({ status, fullName, failureMessages }) => `${fullName}: ${status} ${failureMessages.join('; ')}`),
  ]);
}

describe('a new transport', () => {
  const checkout = new Checkout();
  const { folder, packages } = checkout;
  const made = join(packages, 'transport-shared-files');

  beforeAll(async () => {
    checkout.make();
    const { code, printed } = await node('scripts/new-transport.mjs', ['shared-files', '--into', packages]);
    expect(code, printed).toBe(0);
  });
  afterAll(() => checkout.remove());

  test('has its own name everywhere', () => {
    const files = readdirSync(made, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    for (const { parentPath, name } of files)
      expect(readFileSync(join(parentPath, name), 'utf8'), name).not.toMatch(/sample/i);
    const manifest = JSON.parse(readFileSync(join(made, 'package.json'), 'utf8'));
    const { version } = JSON.parse(readFileSync(join(root, 'packages/core/package.json'), 'utf8'));
    expect(manifest).toMatchObject({ name: '@pigeonhole/transport-shared-files', version, private: true });
    expect(existsSync(join(made, 'LICENSE'))).toBe(true);
  });

  test('fits in 100 lines', () => {
    expect(readFileSync(join(made, 'src/index.ts'), 'utf8').split('\n').length).toBeLessThanOrEqual(101);
  });

  test('is formatted and lints', async () => {
    const written = ['src', 'test', 'package.json', 'tsconfig.json', 'tsup.config.ts'];
    const { code, printed } = await node('node_modules/@biomejs/biome/bin/biome', [
      'check',
      '--vcs-use-ignore-file=false',
      ...written.map((name) => join(made, name)),
    ]);
    expect(code, printed).toBe(0);
  });

  test(
    'type-checks, its tests included',
    async () => {
      const { code, printed } = await node('node_modules/typescript/bin/tsc', ['--noEmit', '-p', made]);
      expect(code, printed).toBe(0);
    },
    PATIENCE,
  );

  test(
    'builds, loads from ESM and from CommonJS, and is found by the name of its package',
    async () => {
      const built = await node('node_modules/tsup/dist/cli-default.js', ['--silent'], made);
      expect(built.code, built.printed).toBe(0);
      const turned = await node('scripts/build-cjs.mjs', [], made);
      expect(turned.code, turned.printed).toBe(0);
      const esm = (await import(pathToFileURL(join(made, 'dist/index.js')).href)) as { default: unknown };
      const cjs = createRequire(import.meta.url)(join(made, 'dist/index.cjs')) as { default: unknown };
      for (const { default: factory } of [esm, cjs])
        expect((factory as () => unknown)()).toMatchObject({ kind: 'link', name: 'shared-files' });

      const scope = join(folder, 'node_modules', '@pigeonhole');
      mkdirSync(scope, { recursive: true });
      symlinkSync(made, join(scope, 'transport-shared-files'));
      const [block] = blocksOf(readFileSync(join(made, 'README.md'), 'utf8'));
      writeFileSync(join(folder, 'readme.mjs'), block?.text ?? '');
      writeFileSync(join(folder, 'by-name.mjs'), byName);
      for (const script of ['readme.mjs', 'by-name.mjs']) {
        const { code, printed } = await node(join(relative(root, folder), script), [], folder);
        expect(code, printed).toBe(0);
      }
    },
    PATIENCE,
  );

  test(
    'passes its link tests and every rule of the suite',
    async () => {
      const report = join(folder, 'report.json');
      const config = join(folder, 'vitest.config.mjs');
      writeFileSync(config, vitestConfig(made, report));
      const { printed } = await node('node_modules/vitest/vitest.mjs', ['run', '--config', config], made);
      expect(existsSync(report), printed).toBe(true);
      const result = JSON.parse(readFileSync(report, 'utf8')) as Report;
      expect(failures(result)).toEqual([]);
      expect(result.numPassedTests).toBe(result.numTotalTests);
      expect(result.numPassedTests).toBeGreaterThan(rulesFor(['process']).length);
    },
    PATIENCE,
  );
});

describe('new-transport refuses', () => {
  const refusal = async (...args: string[]): Promise<string> => {
    const checkout = new Checkout();
    onTestFinished(() => checkout.remove());
    checkout.make();
    const { code, printed } = await node('scripts/new-transport.mjs', [
      '--into',
      checkout.packages,
      '--',
      ...args,
    ]);
    expect(code).toBe(2);
    expect(readdirSync(checkout.packages)).toEqual([]);
    return printed;
  };

  test.each(['Foo', '9p', 'a_b', 'a--b', '-a', '../x', 'sock', 'json', 'memory', 'a'.repeat(33)])(
    'the name %j',
    async (name) => {
      expect(await refusal(name)).toContain(`cannot be called ${JSON.stringify(name)}`);
    },
  );

  test('to be called without a name, or with two', async () => {
    expect(await refusal()).toContain('usage: npm run new-transport -- NAME');
    expect(await refusal('one', 'two')).toContain('usage: npm run new-transport -- NAME');
  });

  test('a folder that is there', async () => {
    const { code, printed } = await node('scripts/new-transport.mjs', ['uds']);
    expect(code).toBe(2);
    expect(printed).toContain('transport-uds is there already');
  });
});
