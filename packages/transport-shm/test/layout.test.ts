/** docs/protocol.md draws the layout of shared memory; what the compiler makes of layout.h is what it really is. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';

const pathOf = (relative: string): string => fileURLToPath(new URL(`../../../${relative}`, import.meta.url));
const folder = pathOf('packages/native/src/shm');
const header = readFileSync(join(folder, 'layout.h'), 'utf8');
const page = /^## Shared memory$.*?(?=^## )/ms.exec(
  readFileSync(pathOf('docs/protocol.md'), 'utf8'),
)?.[0] as string;

/** The cells of the rows of the table that has this cell in its head. */
function rows(head: string): string[][] {
  const lines = page.split('\n');
  const start = lines.findIndex((line) => line.startsWith('|') && line.includes(`| ${head} |`));
  expect(start, `a table with '${head}'`).toBeGreaterThanOrEqual(0);
  const end = lines.findIndex((line, at) => at > start && !line.startsWith('|'));
  return lines.slice(start + 2, end).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

/** What a program that includes layout.h prints, line by line. */
function printed(statements: readonly string[]): string[] {
  const scratch = mkdtempSync(join(tmpdir(), 'ph-layout-'));
  onTestFinished(() => rmSync(scratch, { recursive: true, force: true }));
  const source = join(scratch, 'print.cc');
  const program = join(scratch, 'print');
  writeFileSync(
    source,
    `#include <cstdio>\n#include "layout.h"\nusing namespace pigeonhole::shm;\nint main() {\n${statements.join('\n')}\n}\n`,
  );
  execFileSync(process.env.CXX ?? 'g++', ['-std=c++17', `-I${folder}`, source, '-o', program]);
  return execFileSync(program, { encoding: 'utf8' }).trimEnd().split('\n');
}

/** What the struct declares, but for what only fills it up. */
function declared(struct: string): string[] {
  const body = new RegExp(`^struct ${struct} \\{$(.*?)^\\};$`, 'ms').exec(header)?.[1] as string;
  return [...body.matchAll(/^ {2}(?:alignas\(\d+\) )?\w+ (\w+)(?:\[[^\]]*\])?;/gm)]
    .map(([, name]) => name as string)
    .filter((name) => !/^(?:pad\d*|unused)$/.test(name));
}

describe.each(['Header', 'Participant', 'Entry', 'Record', 'Turn'])('%s', (struct) => {
  const table = rows(`field of \`${struct}\``);
  const fields = table.map(([, , field]) => field?.replaceAll('`', '') as string);

  test('has the fields of its table, in order', () => {
    expect(fields).toEqual(declared(struct));
  });

  test('has them at these offsets, with these sizes', () => {
    const statements = fields.map(
      (field) => `std::printf("%zu %zu\\n", offsetof(${struct}, ${field}), sizeof(${struct}::${field}));`,
    );
    expect(table.map(([offset, bytes]) => `${offset} ${bytes}`)).toEqual(printed(statements));
  });
});

test('files begin and go on as drawn', () => {
  const sizes = [/header \(([\d,]+) bytes\)/, /participants \(([\d,]+) bytes/, /entries \(([\d,]+) bytes/];
  expect(sizes.map((size) => size.exec(page)?.[1]?.replace(',', ''))).toEqual(
    printed(['std::printf("%u\\n%zu\\n%zu\\n", kHeaderBytes, sizeof(Participant), sizeof(Entry));']),
  );
  const [unit, most, first, entries] = printed([
    'std::printf("%u\\n%u\\n%u\\n%u\\n", kUnit, kMaxParticipants, kFirstEntries, kMaxEntries);',
  ]);
  expect(page).toContain(`each at a multiple of ${unit} bytes`);
  expect(page).toContain(`that has a certain mailbox open: ${most} at most`);
  expect(page).toContain(`power of two from ${first} to 2^${Math.log2(Number(entries))}`);
});

test('the states have these numbers', () => {
  const states = rows('leads to').map(([cell]) => /^(\d) (\w+)$/.exec(cell as string) as RegExpExecArray);
  const statements = states.map(
    ([, , name]) => `std::printf("%u\\n", static_cast<unsigned>(State::${name}));`,
  );
  expect(states.map(([, number]) => number)).toEqual(printed(statements));
  const all = /^enum class State.*?^\};$/ms.exec(header)?.[0] as string;
  expect(states.map(([, number, name]) => `${name} = ${number}`)).toEqual(all.match(/\w+ = \d+/g));
});

test('an entry has these bits', () => {
  const [, ends, widths] = /^( 63.*)\n.*\n( \|.*)$/m.exec(page) as RegExpExecArray;
  const lowest = [...(ends as string).matchAll(/\d+ +(\d+)/g)].map(([, end]) => Number(end));
  const fields = [...(widths as string).matchAll(/\| ?(\w+) *(\d+)/g)].map(([, name, bits], at) => {
    const ones = (1n << BigInt(bits as string)) - 1n;
    return { name, ones, word: ones << BigInt(lowest[at] as number) };
  });
  // Each field by itself, all of its bits set; read back, and nothing else with it.
  const statements = fields.map(
    ({ name, ones }) =>
      `{ Place place{}; place.${name} = static_cast<decltype(place.${name})>(${ones});
         const Place back = Place::of(${(1n << 64n) - 1n}ull);
         std::printf("%llu %u\\n", static_cast<unsigned long long>(place.word()), static_cast<unsigned>(back.${name})); }`,
  );
  expect(fields.map(({ word, ones }) => `${word} ${ones}`)).toEqual(printed(statements));
  expect(fields.reduce((sum, { word }) => sum + word, 0n)).toBe((1n << 64n) - 1n);
});
