/**
 * The code in the documentation. What a fenced block is for stands in a comment before it, which no reader sees:
 *
 * - `<!-- run -->` the block is run and must exit with 0; `<!-- run with shop.ts -->` beside the block of that name;
 * - `<!-- prints -->` a text block: what the last block that was run has printed;
 * - `<!-- continues -->` the block goes on where the one before it ended.
 *
 * A block whose first line is `// NAME.ts` is saved under that name. All of one document are saved side by side.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

/** A fenced block of a document. */
export interface Block {
  readonly language: string;
  text: string;
  /** Of its first line, from 1. */
  readonly line: number;
  /** File name, with extension. */
  readonly name: string;
  readonly run: boolean;
  /** Names of the blocks that run beside it. */
  readonly beside: readonly string[];
  /** Of a text block: what the block before it prints. */
  readonly prints: boolean;
}

export interface Document {
  /** Relative to the checkout. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** Every Markdown file that this project writes for its readers: at the root, in docs, in examples, and one a package. */
export function documents(): Document[] {
  const paths = [
    ...markdownIn('.', false),
    ...markdownIn('docs', true),
    ...markdownIn('examples', true),
    'benchmarks/README.md',
    ...readdirSync(join(root, 'packages')).flatMap((name) => markdownIn(`packages/${name}`, false)),
  ];
  return paths.map((path) => {
    const text = readFileSync(join(root, path), 'utf8');
    return { path, text, blocks: blocksOf(text) };
  });
}

function markdownIn(folder: string, deep: boolean): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return deep && !['node_modules', 'dist'].includes(entry.name) ? markdownIn(path, true) : [];
    return entry.name.endsWith('.md') && entry.name !== 'CHANGELOG.md' ? [path] : [];
  });
}

export function blocksOf(markdown: string): Block[] {
  const lines = markdown.split('\n');
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const language = /^```(\w*)/.exec(lines[at] as string)?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf('```', at + 1);
    if (end < 0) throw new Error(`line ${at + 1}: a code block that does not end`);
    const text = `${lines.slice(at + 1, end).join('\n')}\n`;
    const directive = /^<!-- (.*) -->$/.exec(lines[at - 1] ?? '')?.[1] ?? '';
    const last = blocks.at(-1);
    if (directive === 'continues' && last !== undefined) last.text += text;
    else
      blocks.push({
        ...purpose(directive),
        language,
        text,
        line: at + 2,
        name: nameOf(text, language, at + 2),
      });
    at = end;
  }
  return blocks;
}

function purpose(directive: string): Pick<Block, 'run' | 'beside' | 'prints'> {
  const [, beside] = /^run(?: with (.+))?$/.exec(directive) ?? [];
  return {
    run: /^run\b/.test(directive),
    beside: beside?.split(', ') ?? [],
    prints: directive === 'prints',
  };
}

function nameOf(text: string, language: string, line: number): string {
  return /^\/\/ (\S+\.[cm]?[tj]s)\n/.exec(text)?.[1] ?? `line-${line}.${language || 'txt'}`;
}
