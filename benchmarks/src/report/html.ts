/** The report with plots: one file that needs nothing else, and opens without a network. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { allKinds } from '../kinds.js';
import { machineLine } from '../machine.js';
import type { CaseResult, Result } from '../result.js';
import { summaryOf } from '../result.js';
import { type Plot, plotsOf } from './plots.js';
import { style } from './style.js';
import { methodText, rowsOf, targetRows, verdictText, warmUpRows, warmUpText } from './text.js';

const require = createRequire(import.meta.url);

/** The text of a script or style sheet, without its banner, in which an address stands; whose it is is said beside it. */
function inlined(path: string): string {
  return readFileSync(path, 'utf8')
    .replace(/^\/\*![\s\S]*?\*\//, '')
    .replace(/\/\/# sourceMappingURL=.*$/m, '')
    .trim();
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function table(rows: readonly (readonly string[])[], marks: (row: number) => string = () => ''): string {
  const [head = [], ...rest] = rows;
  const line = (cells: readonly string[], tag: 'th' | 'td', mark: string): string =>
    `<tr${mark === '' ? '' : ` class="${mark}"`}>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  const body = rest.map((cells, row) => line(cells, 'td', marks(row))).join('\n');
  return `<div class="wide"><table><thead>${line(head, 'th', '')}</thead><tbody>\n${body}\n</tbody></table></div>`;
}

/** Every round's rate as a dot over a bar to the median. */
function rateBars(cases: readonly CaseResult[]): string {
  const known = cases.flatMap((result) => {
    const summary = summaryOf(result, 'rate');
    return summary === undefined ? [] : [{ result, summary }];
  });
  const most = Math.max(...known.map(({ summary }) => summary.high));
  const share = (value: number): string => `${((100 * value) / most).toFixed(2)}%`;
  const bars = known.map(({ result, summary }) => {
    const dots = result.rounds
      .flatMap((metrics) => metrics?.rate ?? [])
      .map((rate) => `<i style="left:${share(rate)}"></i>`);
    return `<div class="name">${escaped(result.name)}</div><div class="track"><div class="${result.ours ? 'bar ours' : 'bar'}" style="width:${share(summary.median)}"></div>${dots.join('')}</div><div class="value">${(summary.median / 1000).toFixed(0)}</div>`;
  });
  return `<div class="bars">${bars.join('\n')}</div>`;
}

function ratios({ targets }: Result): string {
  return table(targetRows(targets), (row) => {
    const target = targets[row];
    return target?.reached === undefined ? '' : verdictText(target);
  });
}

function warmUps({ cases }: Result): string {
  const rows = warmUpRows(cases);
  return rows.length === 0 ? '' : section('Warm-up: each life of a case', table(rows));
}

function section(title: string, body: string): string {
  return `<section><h2>${escaped(title)}</h2>\n${body}\n</section>`;
}

function kindSections({ cases }: Result): string[] {
  return allKinds.flatMap((kind) => {
    const own = cases.filter((result) => result.kind === kind.name);
    if (own.length === 0) return [];
    const bars = kind.name === 'one-way' ? rateBars(own) : '';
    return [
      section(
        `${kind.title} (medians)`,
        bars + table(rowsOf(kind, own), (row) => (own[row]?.ours ? 'ours' : '')),
      ),
    ];
  });
}

function facts(result: Result): string {
  const { command, started, seconds, absent } = result;
  const lines = [
    machineLine(result.machine),
    `${command}: ${started}, ${seconds} s; ${methodText(result)}${result.quick ? '; quick: main cases only' : ''}`,
    ...warmUpText(result.cases),
    ...absent.map((reason) => `not measured: ${reason}`),
    ...result.cases
      .filter(({ failures }) => failures.length > 0)
      .map(({ kind, name, failures }) => `FAILED ${failures.length} times: ${kind}/${name}`),
  ];
  return `<ul>${lines.map((line) => `<li>${escaped(line)}</li>`).join('')}</ul>`;
}

/** JSON that cannot end the element in which it stands. */
function embedded(plots: readonly Plot[]): string {
  return JSON.stringify(plots).replaceAll('<', '\\u003c');
}

/** The whole document. */
export function renderHtml(result: Result): string {
  const plots = plotsOf(result);
  const places = plots.map((_plot, index) => `<div class="plot" id="plot-${index}"></div>`).join('\n');
  const client = inlined(fileURLToPath(new URL('../../dist/report/client.js', import.meta.url)));
  const note =
    'Each line is one contender; click it in the legend to hide it. Dashed: not ours. Both axes are logarithmic.';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pigeonhole benchmarks</title>
<style>${inlined(require.resolve('uplot/dist/uPlot.min.css'))}
${style}</style>
</head>
<body>
<h1>Pigeonhole benchmarks</h1>
${facts(result)}
${section('Ratios and targets (medians of the rounds)', ratios(result))}
${section('Plots', `<p>${note}</p>\n${places}`)}
${kindSections(result).join('\n')}
${warmUps(result)}
<footer>Plots: uPlot, copyright Leon Sorokin, MIT licence.</footer>
<script type="application/json" id="plots">${embedded(plots)}</script>
<script>${inlined(require.resolve('uplot/dist/uPlot.iife.min.js'))}</script>
<script type="module">${client}</script>
</body>
</html>
`;
}
