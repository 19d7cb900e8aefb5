import { expect, test } from 'vitest';
import { allFigures, overviewFigures, withFigures } from '../src/docs.js';
import { emptyHistogram, encodeHistogram, record } from '../src/histogram.js';
import { renderHtml } from '../src/report/html.js';
import { plotsOf } from '../src/report/plots.js';
import { renderText } from '../src/report/text.js';
import { parseResult } from '../src/result.js';
import { caseWith, resultWith } from './results.js';

function latencies(): string {
  const histogram = emptyHistogram();
  for (let value = 1; value <= 1000; value += 1) record(histogram, value / 1000);
  return encodeHistogram(histogram);
}

const result = resultWith([
  caseWith('one-way', 'shm, sendMany, receiveMany', 'rate', [5e5, 6e5, 5.5e5], true),
  caseWith('one-way', 'zeromq.js ipc, JSON', 'rate', [1e5, 1.1e5, 1e5]),
  caseWith('sizes', 'shm </script>', 'rate64', [1e6, 1e6, 1e6], true),
  { ...caseWith('round-trip', 'shm', 'p50', [3, 4, 5], true), histograms: { 'round trip': latencies() } },
]);

test('the report needs nothing from elsewhere', () => {
  const html = renderHtml(result);
  expect(html).not.toMatch(/https?:\/\//);
  expect(html).not.toMatch(/<(?:script|link|img|iframe)[^>]*\b(?:src|href)=/);
  expect(html).not.toContain('@import');
  expect(html).toContain('var uPlot=');
});

test('the report shows every case, and names cannot break out of it', () => {
  const html = renderHtml(result);
  expect(html).toContain('shm, sendMany, receiveMany');
  expect(html).toContain('shm &lt;/script&gt;');
  expect(html.match(/<\/script>/g)).toHaveLength(3);
  expect(html).toContain('a &lt;processor&gt;');
});

test('plots have as many values as points', () => {
  const plots = plotsOf(result);
  expect(plots.map(({ title }) => title)).toEqual([
    'Round trip: order object and 64 B',
    'Messages a second by size',
    'Bytes a second by size',
  ]);
  for (const { x, series } of plots) {
    for (const { y } of series) expect(y).toHaveLength(x.values.length);
  }
  expect(plots[2]?.series[0]?.y).toEqual([64]);
});

test('the text has the medians and the ratio to the peer, of rounds', () => {
  const text = renderText(result);
  expect(text).toMatch(/shm, sendMany, receiveMany.*550\.0.*5\.45 \(5\.00–5\.50\)/);
  expect(text).toContain('not measured: nats: no server');
});

test('the reports say how it was warmed up, what that took, and which case was not yet warm', () => {
  const cold = { milliseconds: 4_000, rates: [100, 150, 400], settled: false };
  const warm = { milliseconds: 1_250, rates: [100, 120, 110], settled: true };
  const { cases } = result;
  const [first, ...rest] = cases;
  if (first === undefined) throw new Error('there is a case');
  const warmed = resultWith([{ ...first, warmUps: [warm, cold] }, ...rest]);
  const html = renderHtml(warmed);
  expect(html).toContain('<td>1.3, 4.0</td><td>1.20, 4.00</td><td>yes, no</td>');
  for (const text of [html, allFigures(warmed)]) expect(text).toContain('warmed up for 1 s at least');
  for (const text of [html, renderText(warmed)])
    expect(text).toContain('when the time to warm up was over: one-way/shm, sendMany, receiveMany');
  expect(renderHtml(resultWith([{ ...first, warmUps: [warm] }]))).not.toContain('was over');
});

test('a result from before the rule can still be shown', () => {
  const old = { ...result, warmup: 150 };
  expect(renderHtml(old)).toContain('150 ms to warm up in each round');
  expect(renderHtml(old)).not.toContain('Warm-up: each life');
  expect(allFigures(old)).toContain('150 ms to warm up in each round');
});

test('figures replace what stood between the marks, and nothing else', () => {
  const document = 'before\n<!-- figures: begin; of a run -->\nold\n<!-- figures: end -->\nafter\n';
  const updated = withFigures(document, overviewFigures(result), 'README.md');
  expect(updated).toMatch(/^before\n<!-- figures: begin; of a run -->\nAn order object/);
  expect(updated).toMatch(/\n<!-- figures: end -->\nafter\n$/);
  expect(updated).not.toContain('old');
  expect(updated).toContain('| 550 |');
  expect(withFigures(updated, overviewFigures(result), 'README.md')).toBe(updated);
  expect(() => withFigures('no marks', 'x', 'README.md')).toThrow('README.md has no block');
  expect(allFigures(result)).toContain('1 of 1 reached');
});

test('a file that is no result is refused by name', () => {
  expect(parseResult(JSON.stringify(result), 'r.json')).toEqual(result);
  expect(() => parseResult('{}', 'old.json')).toThrow('old.json');
  expect(() => parseResult('nonsense', 'old.json')).toThrow('old.json');
});
