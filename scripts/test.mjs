// npm test: everything that a change must pass, from a fresh clone, in stages; stops at the first that fails.
import { ensureInstalled } from './install.mjs';
import { root, run, runInstalled } from './run.mjs';
import { turbo } from './turbo.mjs';
import { closingLine, runVitest } from './vitest.mjs';

let result = { passed: 0, failed: 0, skipped: 0 };

const stages = [
  ['Install', () => ensureInstalled().then(() => 0)],
  ['Lint', lint],
  ['Build', () => turbo('build')],
  ['Types and packages', typesAndPackages],
  [
    'Tests',
    async () => {
      result = await runVitest();
      console.log(LEFT_OUT);
      return result.failed;
    },
  ],
];

/** At once: the one is a single process, and the other one after another. */
async function typesAndPackages() {
  const types = runInstalled('typescript/bin/tsc', [], { capture: true });
  const packages = await run(process.execPath, [`${root}/scripts/test-pack.mjs`]);
  const { code, printed } = await types;
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'}  TypeScript: all workspaces`);
  if (code !== 0) console.error(printed);
  return packages.code || code;
}

/** Not in npm test, or in it in small; .ci/run runs it, too. */
const LEFT_OUT = `Not among these tests, but run by npm run test:proofs: all searches of the models of shared memory (here: four), its
C++ programs under ThreadSanitizer and AddressSanitizer (here: few damages), 25 kills on each transport (here: 6), more rules in
threads and over links, and the example with every capacity over every transport.`;

async function lint() {
  const colors = process.stdout.isTTY ? [] : ['--colors=off'];
  const args = ['ci', '.', '--max-diagnostics=100', ...colors];
  return (await runInstalled('@biomejs/biome/bin/biome', args)).code;
}

for (const [name, stage] of stages) {
  console.log(`\n=== ${name}`);
  const start = performance.now();
  const code = await stage();
  const time = `${((performance.now() - start) / 1000).toFixed(1)} s`;
  if (code === 0) {
    console.log(`=== ${name}: passed in ${time}`);
    continue;
  }
  console.log(`=== ${name}: FAILED after ${time}\n`);
  console.log(closingLine({ ...result, failed: Math.max(1, result.failed) }));
  process.exit(1);
}
console.log(`\n${closingLine(result)}`);
