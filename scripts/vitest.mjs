// One run of the test suite under a given Node.js, and its count.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { root, run } from './run.mjs';

/**
 * Runs vitest once. Whatever the tests leave running in its process group ends with it. A failure outside any test
 * (a file that does not load, an unhandled rejection, a hang) counts as one failed.
 */
export async function runVitest({ node = process.execPath, args = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-vitest-'));
  const report = join(folder, 'report.json');
  const script = `${root}/node_modules/vitest/vitest.mjs`;
  const reporters = ['default', 'json', `${root}/scripts/vitest-watchdog.mjs`].map(
    (name) => `--reporter=${name}`,
  );
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}`, NODE: node };
  try {
    const options = ['run', ...reporters, `--outputFile.json=${report}`, ...args];
    const { code } = await run(node, [script, ...options], { env, group: true });
    return count(code, report);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function count(code, report) {
  let result;
  try {
    result = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const unloaded = result.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed'),
  );
  const failed = result.numFailedTests + unloaded.length;
  return {
    passed: result.numPassedTests,
    failed: code !== 0 && failed === 0 ? 1 : failed,
    skipped: result.numPendingTests + result.numTodoTests,
  };
}

/** The line that a test command closes with. */
export function closingLine({ passed, failed, skipped = 0 }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
