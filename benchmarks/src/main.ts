/** `node dist/main.js [--quick] [--only PATTERN] [--rounds N] [--json FILE]`: the whole comparison in one run. */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { caseId, type Entry, readCatalogue } from './catalogue.js';
import { describeMachine, machineLine } from './machine.js';
import { removePlace } from './place.js';
import { renderJson, renderText } from './report.js';
import { endAll, type RunOptions } from './runner.js';
import { type CaseResult, countSystemCalls, runRounds } from './suite.js';
import { straceExists } from './system-calls.js';
import { evaluateTargets } from './targets.js';

const FULL = { rounds: 5, warmup: 700, duration: 2000 };
const QUICK = { rounds: 3, warmup: 300, duration: 500 };

interface Flags {
  quick?: true;
  only?: string;
  rounds?: number;
  json?: string;
  profile?: string;
  strace: boolean;
  list?: true;
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number, at least 1');
  return value;
}

function parseFlags(): Flags {
  return new Command('bench')
    .description('Compares Pigeonhole with what else passes messages between Node.js processes on one host')
    .option('--quick', `${QUICK.rounds} short rounds`)
    .option('--only <pattern>', 'only cases whose kind/name contains this, whatever the case of its letters')
    .option('--rounds <n>', 'rounds; each runs every case once', positiveInteger)
    .option('--json <file>', 'also write all figures to this file')
    .option('--profile <directory>', 'write CPU profiles of both processes of each case')
    .option('--no-strace', 'do not count system calls')
    .option('--list', 'name the cases and run none')
    .parse()
    .opts<Flags>();
}

/** `--cpu-prof` for both processes; Node names a profile after its process, we after the role as well. */
function profileOptions(directory: string | undefined): string[] {
  if (directory === undefined) return [];
  return ['--cpu-prof', `--cpu-prof-dir=${join(resolve(directory), '{role}')}`, '--cpu-prof-interval=200'];
}

function selected(entries: readonly Entry[], pattern: string | undefined): Entry[] {
  const wanted = pattern?.toLowerCase() ?? '';
  return entries.filter(({ testCase }) => caseId(testCase).toLowerCase().includes(wanted));
}

/** A directory for everything the run puts on disk; it goes, with the processes, however the run ends. */
function makeRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'phb-'));
  process.once('exit', () => {
    endAll();
    for (const place of readdirSync(root)) removePlace(join(root, place));
    rmSync(root, { recursive: true, force: true });
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(130));
  return root;
}

/** Counts system calls where that is possible; otherwise says why not. */
async function systemCalls(
  flags: Flags,
  results: CaseResult[],
  options: RunOptions,
): Promise<string | undefined> {
  if (!flags.strace) return 'switched off';
  if (!straceExists()) return 'strace is not installed';
  await countSystemCalls(results, options, console.log);
  return undefined;
}

async function main(): Promise<void> {
  const flags = parseFlags();
  const { entries: all, unavailable } = await readCatalogue();
  for (const reason of unavailable) console.error(`FAILED to load ${reason}`);
  const entries = selected(all, flags.only);
  if (entries.length === 0) throw new Error(`no case matches ${flags.only}`);
  if (flags.list) return console.log(entries.map(({ testCase }) => caseId(testCase)).join('\n'));
  const { rounds, warmup, duration } = {
    ...(flags.quick ? QUICK : FULL),
    ...(flags.rounds ? { rounds: flags.rounds } : {}),
  };
  const options = { warmup, duration, root: makeRoot(), nodeOptions: profileOptions(flags.profile) };
  const machine = describeMachine();
  console.log(machineLine(machine));
  const results = await runRounds(entries, rounds, options, console.log);
  const withoutSystemCalls = await systemCalls(flags, results, { ...options, nodeOptions: [] });
  const targets = evaluateTargets(results).filter(
    ({ value }) => value !== undefined || flags.only === undefined,
  );
  const findings = { machine, rounds, warmup, duration, results, targets, withoutSystemCalls };
  console.log(`\n${renderText(findings)}`);
  if (flags.json !== undefined) await writeFile(flags.json, renderJson(findings));
  if (unavailable.length > 0 || results.some((result) => result.failures.length > 0)) process.exitCode = 1;
}

await main();
