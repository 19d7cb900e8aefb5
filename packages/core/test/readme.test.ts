/** House rule: every code block in the documentation works as it stands there. See readme-blocks.ts. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Block, type Document, documents, root } from './readme-blocks.js';

/** Inside the checkout, so that packages resolve as in a project that has them installed; `build/` is ignored by git. */
const folder = join(root, 'build', `readme-${randomUUID()}`);
const all = documents();

const folderOf = (document: Document): string => join(folder, document.path.replaceAll('/', '-'));
const isCode = ({ language }: Block): boolean => ['ts', 'js', 'mjs', 'cjs'].includes(language);

beforeAll(() => {
  for (const document of all) {
    mkdirSync(folderOf(document), { recursive: true });
    writeFileSync(join(folderOf(document), 'package.json'), '{ "type": "module" }\n');
    for (const block of document.blocks.filter(isCode))
      writeFileSync(join(folderOf(document), block.name), block.text);
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  try {
    rmdirSync(join(root, 'build'));
  } catch {
    // Another test has a folder in there.
  }
});

test('TypeScript blocks type-check', () => {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const files = all.flatMap((document) =>
    document.blocks
      .filter(({ language }) => language === 'ts')
      .map(({ name }) => join(folderOf(document), name)),
  );
  const program = ts.createProgram(files, { ...options, moduleDetection: ts.ModuleDetectionKind.Force });
  const problems = ts.getPreEmitDiagnostics(program).map((problem) => {
    const { line } = problem.file?.getLineAndCharacterOfPosition(problem.start ?? 0) ?? { line: 0 };
    const text = ts.flattenDiagnosticMessageText(problem.messageText, '\n');
    return `${problem.file?.fileName.slice(folder.length + 1)}:${line + 1}: ${text}`;
  });
  expect(problems).toEqual([]);
});

test('JSON blocks are JSON', () => {
  for (const { path, blocks } of all)
    for (const { line, text } of blocks.filter(({ language }) => language === 'json'))
      expect(() => JSON.parse(text), `${path}:${line}`).not.toThrow();
});

test('the npm scripts that shell blocks and tables name exist', () => {
  const scriptsIn = (folder: string): object => {
    const file = join(root, folder, 'package.json');
    return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).scripts : {};
  };
  for (const { path, text } of all) {
    // A package's README may also name those of the package.
    const scripts = { ...scriptsIn('.'), ...scriptsIn(dirname(path)) };
    for (const [, name] of text.matchAll(/npm run ([\w:-]+)/g))
      expect(scripts, path).toHaveProperty([name as string]);
  }
});

test('a block has a language, or it would be neither read nor run', () => {
  for (const { path, blocks } of all)
    for (const { line, language } of blocks) expect(language, `${path}:${line} has none`).not.toBe('');
});

interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a block as Node runs it once its types are gone, with a runtime directory of its own. */
function start(document: Document, block: Block, directory: string): Promise<Finished> {
  const source = join(folderOf(document), block.name);
  const script = source.replace(/\.ts$/, '.run.js');
  if (script !== source) {
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    writeFileSync(script, ts.transpileModule(readFileSync(source, 'utf8'), { compilerOptions }).outputText);
  }
  const { PIGEONHOLE_TRANSPORT: _, PIGEONHOLE_NAME: __, NODE_OPTIONS: ___, ...env } = process.env;
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [script],
      { cwd: folderOf(document), env: { ...env, PIGEONHOLE_DIR: directory }, timeout: 50_000 },
      (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err }),
    );
  });
}

for (const document of all) {
  const { path, blocks } = document;
  const running = blocks.filter(({ run }) => run);
  if (running.length === 0) continue;
  describe(path, () => {
    test.each(running.map((block) => ({ line: block.line, name: block.name, block })))(
      'line $line, $name, runs',
      async ({ block }) => {
        const directory = mkdtempSync(join(tmpdir(), 'ph-'));
        onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
        const beside = block.beside.map((name) => {
          const found = blocks.find((each) => each.name === name);
          if (found === undefined) throw new Error(`${path}:${block.line}: there is no block named ${name}`);
          return found;
        });
        const [own, ...others] = await Promise.all(
          [block, ...beside].map((each) => start(document, each, directory)),
        );
        for (const { code, err } of [own as Finished, ...others]) {
          expect(err).toBe('');
          expect(code).toBe(0);
        }
        const after = blocks.slice(blocks.indexOf(block) + 1);
        const shown = after.slice(0, after.findIndex(({ run }) => run) >>> 0).find(({ prints }) => prints);
        if (shown !== undefined) expect((own as Finished).out).toBe(shown.text);
      },
    );
  });
}

test('the documentation has code that runs', () => {
  const count = (path: string): number =>
    all.find((document) => document.path === path)?.blocks.filter(({ run }) => run).length ?? 0;
  expect(count('README.md')).toBeGreaterThan(0);
  expect(count('packages/core/README.md')).toBeGreaterThan(0);
});
