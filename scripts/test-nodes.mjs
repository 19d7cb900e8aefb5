// npm run test:nodes [-- --only 22,24] [--runs 3] [-- VITEST OPTIONS]: the tests on each Node.js that we support.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ensureInstalled } from './install.mjs';
import { npm, root, run } from './run.mjs';
import { turbo } from './turbo.mjs';
import { closingLine, runVitest } from './vitest.mjs';

const SUPPORTED = ['20', '22', '24', '26'];

const { values, positionals } = parseArgs({
  options: { only: { type: 'string' }, runs: { type: 'string', default: '1' } },
  allowPositionals: true,
});
const wanted = values.only?.split(',').map((major) => major.trim()) ?? SUPPORTED;
const runs = Number(values.runs);
const unknown = wanted.find((major) => !SUPPORTED.includes(major));
if (unknown !== undefined) fail(`--only ${unknown}: one of ${SUPPORTED.join(', ')}`);
if (!Number.isInteger(runs) || runs < 1) fail(`--runs ${values.runs}: a whole number, at least 1`);

function fail(message) {
  console.error(message);
  process.exit(2);
}

/** The path of a Node.js of this major version: this one, or the npm package that carries the binary. */
async function nodeOf(major) {
  if (process.versions.node.split('.')[0] === major) return process.execPath;
  const folder = `${root}/node_modules/.cache/pigeonhole-nodes/${major}`;
  const binary = `${folder}/node_modules/node/bin/node`;
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/package.json`, '{ "private": true }\n');
  console.log(`Installing Node.js ${major}`);
  const alias = `node@npm:node-${process.platform}-${process.arch}@${major}`;
  const flags = [
    '--ignore-scripts',
    '--no-save',
    '--no-package-lock',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  const { code, printed } = await npm(['install', '--prefix', folder, ...flags, alias], {
    cwd: folder,
    capture: true,
  });
  if (code === 0) return binary;
  console.error(printed);
  return process.exit(code);
}

process.env.PIGEONHOLE_TESTS ??= 'node';
await ensureInstalled();
const built = await turbo('build');
if (built !== 0) process.exit(built);

const rows = [];
for (const major of wanted) {
  const node = await nodeOf(major);
  const version = (await run(node, ['--version'], { capture: true })).printed.trim();
  for (let round = 1; round <= runs; round++) {
    console.log(`\n=== Node.js ${version}${runs > 1 ? `, run ${round} of ${runs}` : ''}`);
    const start = performance.now();
    const result = await runVitest({ node, args: positionals });
    rows.push({ version, round, ...result, seconds: (performance.now() - start) / 1000 });
  }
}

const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
console.log('\nNode.js     run   passed   failed     time');
for (const { version, round, passed, failed, seconds } of rows) {
  const cells = [
    `${round}`.padStart(3),
    `${passed}`.padStart(6),
    `${failed}`.padStart(6),
    `${seconds.toFixed(1)} s`.padStart(7),
  ];
  console.log(`${version.padEnd(12)}${cells.join('   ')}`);
}
const total = { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
console.log(`\n${closingLine(total)}`);
process.exit(total.failed === 0 ? 0 : 1);
