/** Writes the figures of a result into the documents, between `<!-- figures: begin -->` and `<!-- figures: end -->`. */

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { KindName } from './contender.js';
import { allKinds, kindNamed } from './kinds.js';
import { machineLine } from './machine.js';
import { methodText, numberText, rowsOf, targetRows, warmUpText } from './report/text.js';
import { findCase, type Result, ratioOf, summaryOf } from './result.js';

export const WHOLE_RUNS = '--update-docs: the documents show whole runs; leave out --quick and --only';

const BLOCK = /(<!-- figures: begin\b[^>]*-->\n)[\s\S]*?(<!-- figures: end -->)/;

/** That document with this between its marks. Throws where it has none. */
export function withFigures(document: string, figures: string, path: string): string {
  if (!BLOCK.test(document))
    throw new Error(`${path} has no block from '<!-- figures: begin -->' to '<!-- figures: end -->'`);
  return document.replace(
    BLOCK,
    (_all, begin: string, end: string) => `${begin}${figures.trimEnd()}\n${end}`,
  );
}

/** Rows as a table of Markdown, headings first; all columns but the first to the right. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...rest] = rows;
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = head.map((_heading, index) => (index === 0 ? '---' : '---:'));
  return [line(head), line(rule), ...rest.map(line)].join('\n');
}

/** What the README shows: how it sends, and the case of one way and of the round trip that tells. */
const overview: readonly (readonly [label: string, oneWay: string, roundTrip: string | undefined])[] = [
  ['**`shm`**, `sendMany`, `receiveMany`', 'shm, sendMany, receiveMany', 'shm'],
  ['**`shm`**, awaited `send`, `for await`', 'shm, awaited send, for await', 'shm'],
  ['**`shm`**, `sendSync`, `receiveSync`', 'shm, *Sync', 'shm, *Sync'],
  ['**`uds`**, `sendMany`, `receiveMany`', 'uds, sendMany, receiveMany', 'uds'],
  ...['tcp', 'udp', 'fifo', 'pipe', 'mqueue'].map(
    (name) =>
      [`**\`${name}\`**, \`sendMany\`, \`receiveMany\``, `${name}, sendMany, receiveMany`, name] as const,
  ),
  ['worker thread, `postMessage`', 'worker postMessage', 'worker postMessage'],
  ['`child_process` IPC', 'child_process, json', 'child_process, json'],
  ['`net`, JSON lines, Unix socket', 'net Unix, JSON lines, one write a message', 'net Unix, JSON lines'],
  ['zeromq.js, `ipc`, JSON', 'zeromq.js ipc, JSON', 'zeromq.js ipc req/rep, JSON'],
];

function medianText(
  result: Result,
  kind: KindName,
  name: string | undefined,
  metric: string,
  scale: number,
  digits: number,
) {
  const found = name === undefined ? undefined : findCase(result.cases, kind, name);
  return numberText(found && summaryOf(found, metric)?.median, scale, digits);
}

/** How many times the rate of the kind's peer. */
function timesText({ cases }: Result, name: string): string {
  const [own, peer] = [name, kindNamed('one-way').peer ?? ''].map((of) => findCase(cases, 'one-way', of));
  const ratio = own && peer && ratioOf({ result: own, metric: 'rate' }, { result: peer, metric: 'rate' });
  return numberText(ratio?.median, 1, 1);
}

function day({ started }: Result): string {
  return started.slice(0, 10);
}

function targetCount({ targets }: Result): string {
  const known = targets.filter(({ reached }) => reached !== undefined);
  return `${known.filter(({ reached }) => reached).length} of ${known.length}`;
}

/** The README's block. */
export function overviewFigures(result: Result): string {
  const rows = overview.map(([label, oneWay, roundTrip]) => [
    label,
    medianText(result, 'one-way', oneWay, 'rate', 1e-3, 0),
    timesText(result, oneWay),
    medianText(result, 'one-way', oneWay, 'cpu', 1, 1),
    medianText(result, 'round-trip', roundTrip, 'p50', 1, 1),
    medianText(result, 'round-trip', roundTrip, 'p99', 1, 1),
  ]);
  return [
    `An order object of 107 bytes between two processes: thousands a second one way, CPU seconds a million of both sides together,`,
    `and microseconds of a round trip; medians of ${result.rounds} rounds on ${day(result)} (${machineLine(result.machine)}).`,
    '',
    markdownTable([
      ['between two processes', 'k/s', '× zeromq.js', 'CPU s/M', 'round trip p50 µs', 'p99 µs'],
      ...rows,
    ]),
    '',
    `${targetCount(result)} measured targets are reached. \`npm run bench\` measures it on your machine; all figures, what they mean`,
    'and how they came about: [docs/performance.md](docs/performance.md).',
  ].join('\n');
}

/** The block of docs/performance.md. */
export function allFigures(result: Result): string {
  const { command, seconds, absent } = result;
  const sections = allKinds.flatMap((kind) => {
    const own = result.cases.filter((candidate) => candidate.kind === kind.name);
    return own.length === 0 ? [] : ['', `### ${kind.title}`, '', markdownTable(rowsOf(kind, own))];
  });
  const failed = result.cases.filter(({ failures }) => failures.length > 0);
  return [
    `Measured on ${day(result)} by \`${command}\`, in ${Math.ceil(seconds / 60)} minutes: ${machineLine(result.machine)}.`,
    `Medians of ${methodText(result)}.`,
    ...warmUpText(result.cases).map((line) => `${line[0]?.toUpperCase()}${line.slice(1)}.`),
    ...absent.map((reason) => `Not measured: ${reason}.`),
    ...failed.map(({ kind, name, failures }) => `Failed in ${failures.length} rounds: ${kind}/${name}.`),
    '',
    '### Ratios and targets',
    '',
    `${targetCount(result)} reached.`,
    '',
    markdownTable(targetRows(result.targets)),
    ...sections,
  ].join('\n');
}

const root = new URL('../../', import.meta.url);
const documents = [
  ['README.md', overviewFigures],
  ['docs/performance.md', allFigures],
] as const;

/** Writes all documents. Throws, having written nothing, when the result is not of a whole run or a document has no place for it. */
export async function updateDocs(result: Result): Promise<void> {
  if (result.quick || result.partial) throw new Error(WHOLE_RUNS);
  const updated = await Promise.all(
    documents.map(async ([path, figures]) => {
      const file = fileURLToPath(new URL(path, root));
      return { file, text: withFigures(await readFile(file, 'utf8'), figures(result), path) };
    }),
  );
  for (const { file, text } of updated) await writeFile(file, text);
}
