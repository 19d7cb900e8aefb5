/** One run of the benchmarks, from the catalogue to a result. */

import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Catalogue, caseId, type Entry, readCatalogue } from './catalogue.js';
import { describeMachine, machineLine } from './machine.js';
import { commandText, type Flags, profileOptions, timing } from './options.js';
import { showProgress } from './progress.js';
import { removePlace } from './removal.js';
import { FORMAT, type Result } from './result.js';
import { endAll } from './runner.js';
import { runSuite, stepsOf } from './suite.js';
import { straceExists } from './system-calls.js';
import { evaluateTargets } from './targets.js';

/** The cases that are asked for. */
export function selected(entries: readonly Entry[], { only, quick }: Flags): Entry[] {
  const wanted = only?.map((pattern) => pattern.toLowerCase());
  return entries.filter(({ testCase }) => {
    if (quick && wanted === undefined && testCase.detail) return false;
    const id = caseId(testCase).toLowerCase();
    return wanted === undefined || wanted.some((pattern) => id.includes(pattern));
  });
}

/** A directory for everything the run puts on disk; it goes, with the processes, however the run ends. */
function makeRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'phb-'));
  process.once('exit', () => {
    endAll();
    for (const place of readdirSync(root)) {
      if (statSync(join(root, place)).isDirectory()) removePlace(join(root, place));
    }
    rmSync(root, { recursive: true, force: true });
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(130));
  return root;
}

/** Why system calls are not counted, if they are not. */
function withoutStrace(flags: Flags): string | undefined {
  if (!flags.strace) return 'switched off';
  if (flags.quick) return 'left out of a quick run';
  return straceExists() ? undefined : 'strace is not installed';
}

/** Runs what is asked for. Throws when nothing matches. */
export async function run(flags: Flags, catalogue?: Catalogue): Promise<Result> {
  const { entries: all, absent, broken } = catalogue ?? (await readCatalogue());
  if (broken.length > 0) throw new Error(`cannot be loaded:\n${broken.join('\n')}`);
  const entries = selected(all, flags);
  if (entries.length === 0) throw new Error(`no case matches ${flags.only?.join(' or ')}`);
  const times = timing(flags);
  const machine = describeMachine();
  const uncounted = withoutStrace(flags);
  const started = new Date();
  process.stderr.write(`${machineLine(machine)}\n`);
  const progress = showProgress(stepsOf(entries, times.rounds, uncounted === undefined));
  const options = {
    ...times,
    quick: flags.quick === true,
    root: makeRoot(),
    nodeOptions: profileOptions(flags.profile),
  };
  const extent = { ...times, counting: uncounted === undefined };
  const cases = await runSuite(entries, extent, options, progress);
  progress.stop();
  return {
    format: FORMAT,
    command: commandText(flags),
    started: started.toISOString(),
    seconds: Math.round((Date.now() - started.getTime()) / 1000),
    machine,
    quick: options.quick,
    partial: flags.only !== undefined,
    rounds: Math.max(...cases.map(({ rounds }) => rounds.length)),
    warmup: times.warmUp,
    runUp: times.runUp,
    duration: times.duration,
    cases,
    targets: evaluateTargets(cases),
    absent: [...absent, ...(uncounted === undefined ? [] : [`system calls: ${uncounted}`])],
  };
}
