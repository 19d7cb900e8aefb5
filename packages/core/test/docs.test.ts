/** House rule: code, docs and conformance suite agree. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { errorCodes, PigeonholeError } from '@pigeonhole/core';
import { rules } from '@pigeonhole/core/conformance';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { resolveConfig } from '../src/config.js';
import { checkSocketPath, namespacePaths } from '../src/naming.js';
import { scratch } from './config-scratch.js';
import { examples } from './docs-error-examples.js';
import { blocksOf, documents, root } from './readme-blocks.js';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const codes: readonly string[] = errorCodes;

/** The rows of the first table in `text` whose header starts so, cell by cell. */
function table(text: string, header: string): string[][] {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${header} |`));
  expect(start, `a table that starts with '${header}'`).toBeGreaterThanOrEqual(0);
  const end = lines.findIndex((line, at) => at > start && !line.startsWith('|'));
  return lines.slice(start + 2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** The part of `text` under a heading, up to the next one of its level or above. */
function section(text: string, heading: string): string {
  const lines = text.split('\n');
  const start = lines.indexOf(heading);
  expect(start, heading).toBeGreaterThanOrEqual(0);
  const level = heading.indexOf(' ');
  const end = lines.findIndex((line, at) => at > start && /^#+ /.test(line) && line.indexOf(' ') <= level);
  return lines.slice(start + 1, end < 0 ? undefined : end).join('\n');
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

/** String literals, so that what only a comment names does not count. */
function literals(path: string): Set<string> {
  const found = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) found.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, read(path), ts.ScriptTarget.ES2022));
  return found;
}

describe('error codes', () => {
  const text = read('docs/errors.md');

  test('the typings list the same', () => {
    const file = join(root, 'packages/core/test/docs-types.ts');
    const program = ts.createProgram([file], {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      strict: true,
      noEmit: true,
    });
    const checker = program.getTypeChecker();
    const source = program.getSourceFile(file) as ts.SourceFile;
    const alias = source.statements.find(ts.isTypeAliasDeclaration) as ts.TypeAliasDeclaration;
    const union = checker.getTypeAtLocation(alias) as ts.UnionType;
    expect(union.types.map((type) => (type as ts.StringLiteralType).value).sort()).toEqual([...codes].sort());
  });

  test('docs/errors.md has each in its table and as a section, in the same order', () => {
    const headings = [...text.matchAll(/^## (ERR_\w+)$/gm)].map(([, code]) => code);
    expect(headings).toEqual(codes);
    const rows = table(text, 'code').map(([code]) => code);
    expect(rows).toEqual(codes.map((code) => `[${code}](#${code.toLowerCase()})`));
  });

  test('what is said to reach nobody yet is raised nowhere, and everything else somewhere', () => {
    const packages = readdirSync(join(root, 'packages')).map((name) => `packages/${name}/src`);
    const files = packages
      .filter((folder) => existsSync(join(root, folder)))
      .flatMap(sources)
      .filter((path) => path !== 'packages/core/src/errors.ts');
    const raised = new Set(
      files.flatMap((path) => [...literals(path)]).filter((word) => codes.includes(word)),
    );
    const reserved = table(text, 'code')
      .filter(([, reaches]) => reaches === 'none yet')
      .map(([code]) => /ERR_\w+/.exec(code as string)?.[0]);
    expect(reserved).toEqual(codes.filter((code) => !raised.has(code)));
    expect(Object.keys(examples).sort()).toEqual([...raised].sort());
  });

  test.each(Object.entries(examples))('the example of %s is what is really said', async (code, make) => {
    const error = await make();
    const example = /^> (.+)$/m.exec(section(text, `## ${code}`))?.[1] ?? '';
    const parts = example.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    expect(error).toBeInstanceOf(PigeonholeError);
    expect((error as PigeonholeError).code).toBe(code);
    expect(error.message).toMatch(new RegExp(`^${parts.join('.*')}$`, 's'));
  });
});

describe('rules', () => {
  const expected = Array.from({ length: 28 }, (_, at) => `R${at + 1}`);
  const numbers = (text: string): string[] =>
    [...text.matchAll(/\((R\d+)\)/g)].map(([, rule]) => rule as string);

  test('the suite has at least one test for each, and knows no other', () => {
    expect([...new Set(rules.map(({ rule }) => rule))]).toEqual(expected);
  });

  test('the README promises each once, in order', () => {
    expect(numbers(section(read('README.md'), '## What it guarantees'))).toEqual(expected);
  });

  test('ARCHITECTURE.md says where each is kept', () => {
    const rows = table(section(read('ARCHITECTURE.md'), '## Where each rule is kept'), 'rule');
    expect(rows.map(([rule]) => rule)).toEqual(expected);
  });
});

describe('transports', () => {
  const published = readdirSync(join(root, 'packages'))
    .filter((name) => name.startsWith('transport-'))
    .filter((name) => existsSync(join(root, 'packages', name, 'package.json')))
    .filter((name) => JSON.parse(read(`packages/${name}/package.json`)).private !== true)
    .map((name) => name.slice('transport-'.length));
  const rows = table(read('README.md'), 'transport');
  const names = rows.map(([cell]) => /`([a-z0-9-]+)`/.exec(cell as string)?.[1] as string);

  test('the README has a row for each, and for no other', () => {
    expect(names).toEqual(['memory', ...published]);
  });

  test.each(rows.map((cells, at) => ({ name: names[at] as string, cells })))(
    '$name reaches and guarantees what its capabilities say',
    async ({ name, cells }) => {
      const factory =
        name === 'memory'
          ? (await import('@pigeonhole/core')).memory
          : (await import(`@pigeonhole/transport-${name}`)).default;
      const { capabilities } = factory();
      const [, , reaches, guarantees, loses] = cells as [string, string, string, string, string];
      expect(reaches).toBe(
        capabilities.crossHost
          ? 'processes of several hosts'
          : capabilities.crossProcess && capabilities.crossThread
            ? 'processes and threads of one host'
            : capabilities.crossProcess
              ? 'processes of one host'
              : capabilities.crossThread
                ? 'threads of one process'
                : 'runtimes of one thread',
      );
      expect(guarantees.includes('ERR_UNSUPPORTED')).toBe(!capabilities.sync);
      expect(loses.startsWith('nothing')).toBe(capabilities.durable);
    },
  );

  test.each(published)('%s has a README that names its package', (name) => {
    expect(read(`packages/transport-${name}/README.md`)).toContain(`# @pigeonhole/transport-${name}\n`);
  });
});

describe('configuration', () => {
  const text = read('docs/configuration.md');
  const column = (heading: string, header: string, at = 0): string[] =>
    table(section(text, heading), header).map((cells) => (cells[at] as string).replaceAll('`', ''));
  const allowedKeys = async (options: object): Promise<string[]> => {
    const error = await resolveConfig({ config: false, ...options }).catch((reason: Error) => reason);
    return /allowed keys: (.*)$/.exec((error as Error).message)?.[1]?.split(', ') ?? [];
  };

  test('every option, limit and mailbox setting has a row', async () => {
    expect(column('## Options', 'option').sort()).toEqual((await allowedKeys({ '?': 1 })).sort());
    expect(column('### Limits', 'key')).toEqual(await allowedKeys({ limits: { '?': 1 } }));
    expect(column('### Mailboxes', 'key')).toEqual(await allowedKeys({ mailboxes: { m: { '?': 1 } } }));
  });

  test('the defaults are those that apply', async () => {
    const config = await resolveConfig({ config: false }, { env: {}, cwd: '/' });
    const defaults = Object.fromEntries(
      table(section(text, '## Options'), 'option').map(([key, value]) => [
        key?.replaceAll('`', ''),
        value?.replaceAll('`', ''),
      ]),
    );
    expect(defaults.namespace).toBe(`'${config.namespace}'`);
    expect(defaults.logLevel).toBe(`'${config.logLevel}'`);
    if (config.busyPoll > 0) expect(defaults.busyPoll).toBe(`${config.busyPoll}; 0 with one processor`);
    expect(defaults.closeDeadline).toBe(`${config.closeDeadline}`);
    expect(defaults.inbox).toBe(`{ capacity: ${config.inbox.capacity} }`);
    expect(column('### Limits', 'key', 1).map((value) => Number.parseInt(value, 10))).toEqual(
      column('### Limits', 'key').map((key) => config.limits[key as keyof typeof config.limits]),
    );
  });

  test('every environment variable has a row', () => {
    const known = [...literals('packages/core/src/config/layer.ts')].filter((word) =>
      /^PIGEONHOLE_[A-Z]/.test(word),
    );
    const names = [...read('packages/core/src/config/layer.ts').matchAll(/\bPIGEONHOLE_[A-Z]\w*/g)].map(
      String,
    );
    expect(column('## Environment variables', 'variable').sort()).toEqual(
      [...new Set([...known, ...names])].sort(),
    );
  });

  test('the example file is accepted whole', async () => {
    const { blocks } = documents().find(({ path }) => path === 'docs/configuration.md') ?? { blocks: [] };
    const json = blocks.find(({ language }) => language === 'json')?.text ?? '';
    const directory = await scratch({ 'pigeonhole.config.json': json });
    const config = await resolveConfig({}, { env: {}, cwd: directory });
    expect(config.file).toBe(join(directory, 'pigeonhole.config.json'));
    expect(config.directory).toBe(join(directory, 'run'));
    expect([...config.mailboxes.keys()]).toEqual(Object.keys(JSON.parse(json).mailboxes));
  });

  test('a runtime directory may be as long as it says', () => {
    const longest = Number(/may\s+have (\d+) bytes on Linux/.exec(text)?.[1]);
    const check = (length: number): void => {
      const paths = namespacePaths(`/${'d'.repeat(length - 1)}`, 'n'.repeat(24));
      checkSocketPath(paths.staging(paths.presence('0'.repeat(16))));
      checkSocketPath(paths.staging(paths.port('0'.repeat(16), 'uds')));
    };
    const here = process.platform === 'linux' ? longest : longest - 4;
    expect(() => check(here)).not.toThrow();
    expect(() => check(here + 1)).toThrow(expect.objectContaining({ code: 'ERR_PATH_TOO_LONG' }));
  });
});

describe('links', () => {
  const codeBlocks = /^```.*?^```/gms;
  const anchorOf = (heading: string): string =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-');
  const anchors = (markdown: string): string[] =>
    [...markdown.replace(codeBlocks, '').matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
      anchorOf(heading as string),
    );

  test.each(documents().map((document) => [document.path, document.text] as const))(
    'of %s lead somewhere',
    (path, text) => {
      for (const [, target] of text.replace(codeBlocks, '').matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target as string)) continue;
        const [file, anchor] = (target as string).split('#') as [string, string | undefined];
        const found = file === '' ? path : join(dirname(path), file);
        expect(existsSync(join(root, found)), `${path}: ${target}`).toBe(true);
        if (anchor !== undefined) expect(anchors(read(found)), `${path}: ${target}`).toContain(anchor);
      }
    },
  );

  test('every decision is in the index, and has the three parts', () => {
    const index = read('docs/decisions/README.md');
    const files = readdirSync(join(root, 'docs/decisions')).filter((name) => /^\d{4}-/.test(name));
    expect(files.length).toBeGreaterThan(0);
    for (const [at, name] of files.entries()) {
      expect(Number(name.slice(0, 4)), name).toBe(at + 1);
      expect(index, name).toContain(`(${name})`);
      for (const part of ['## Context', '## Decision', '## Consequences'])
        expect(section(read(`docs/decisions/${name}`), part).trim(), `${name}: ${part}`).not.toBe('');
    }
  });
});

test('the quick start has at most 15 lines', () => {
  const lines = blocksOf(section(read('README.md'), '## Quick start'))
    .filter(({ language }) => language === 'ts')
    .map(({ text }) => text.trimEnd().split('\n').length);
  expect(lines.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(15);
});

test('the documentation names no path of a machine', () => {
  for (const { path, text } of documents())
    expect(text, relative(root, path)).not.toMatch(/\/(home|Users|root|work)\/\w/);
});
