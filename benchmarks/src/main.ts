/** `node dist/main.js [OPTIONS]`: the whole comparison in one run. */

import { readFile, writeFile } from 'node:fs/promises';
import { caseId, readCatalogue } from './catalogue.js';
import { compare, comparisonText } from './compare.js';
import { updateDocs, WHOLE_RUNS } from './docs.js';
import { parseFlags } from './options.js';
import { renderHtml } from './report/html.js';
import { renderText } from './report/text.js';
import { parseResult, type Result } from './result.js';
import { run, selected } from './run.js';

async function readResult(path: string): Promise<Result> {
  return parseResult(await readFile(path, 'utf8'), path);
}

async function main(): Promise<void> {
  const flags = parseFlags();
  if (flags.list) {
    const { entries } = await readCatalogue();
    return console.log(
      selected(entries, flags)
        .map(({ testCase }) => caseId(testCase))
        .join('\n'),
    );
  }
  // What can fail now is not to fail after ten minutes: a wrong path, a flag that goes with no other.
  if (flags.updateDocs && (flags.quick || flags.only)) throw new Error(WHOLE_RUNS);
  for (const path of [flags.json, flags.html])
    if (path !== undefined) await writeFile(path, '', { flag: 'a' });
  const before = flags.compare === undefined ? undefined : await readResult(flags.compare);
  const result = flags.render === undefined ? await run(flags) : await readResult(flags.render);
  if (flags.json !== undefined) await writeFile(flags.json, `${JSON.stringify(result)}\n`);
  if (flags.html !== undefined) await writeFile(flags.html, renderHtml(result));
  console.log(renderText(result));
  if (flags.updateDocs) await updateDocs(result);
  if (result.cases.some(({ failures }) => failures.length > 0)) process.exitCode = 1;
  if (before === undefined) return;
  const verdict = compare(before, result);
  console.log(`\n${comparisonText(verdict)}`);
  if (verdict.regressed || verdict.comparisons.length === 0) process.exitCode = 1;
}

await main();
