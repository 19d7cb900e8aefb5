/** The command line. */

import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { USUAL_ROUNDS } from './plan.js';
import type { WarmUpRule } from './warm-up.js';

const MINUTE = 60_000;
const WARM_UP: WarmUpRule = { window: 250, least: 1_500, most: 4_000, last: 4, tolerance: 0.05 };
const FULL = { rounds: USUAL_ROUNDS, warmUp: WARM_UP, runUp: 50, duration: 250, limit: 24 * MINUTE };
const QUICK = {
  rounds: 3,
  warmUp: { ...WARM_UP, least: 1_000, most: 1_000, last: 2 },
  runUp: 30,
  duration: 150,
  limit: 2 * MINUTE,
};

/** What is asked for. */
export interface Flags {
  quick?: true;
  only?: string[];
  rounds?: number;
  duration?: number;
  json?: string;
  html?: string;
  compare?: string;
  render?: string;
  updateDocs?: true;
  profile?: string;
  strace: boolean;
  list?: true;
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number, at least 1');
  return value;
}

/** The flags of this process. */
export function parseFlags(): Flags {
  return new Command('bench')
    .description('Compares Pigeonhole with what else passes messages between Node.js processes on one host')
    .option('--quick', `the main cases in ${QUICK.rounds} short rounds, or as many as fit into 2 minutes`)
    .option(
      '--only <patterns...>',
      'only cases whose kind/name contains one of these, whatever the case of its letters',
    )
    .option(
      '--rounds <n>',
      `rounds; each runs every case once (default: ${FULL.rounds}, or as many as fit into 24 minutes)`,
      positiveInteger,
    )
    .option('--duration <ms>', `of measuring a case in a round (default: ${FULL.duration})`, positiveInteger)
    .option('--json <file>', 'write the result to this file')
    .option('--html <file>', 'write a report with plots to this file')
    .option(
      '--compare <file>',
      'exit with 1 when a case of ours is slower than in that result beyond the noise',
    )
    .option('--render <file>', 'run nothing: take the result from this file')
    .option('--update-docs', 'write the figures into README.md and docs/performance.md')
    .option('--profile <directory>', 'write CPU profiles of all processes of each case')
    .option('--no-strace', 'do not count system calls')
    .option('--list', 'name the cases and run none')
    .parse()
    .opts<Flags>();
}

/** The command that measures the same, without what is only written where. */
export function commandText({ quick, only, rounds, duration, strace }: Flags): string {
  const flags = [
    ...(quick ? ['--quick'] : []),
    ...(only === undefined ? [] : ['--only', ...only.map((pattern) => `'${pattern}'`)]),
    ...(rounds === undefined ? [] : [`--rounds ${rounds}`]),
    ...(duration === undefined ? [] : [`--duration ${duration}`]),
    ...(strace ? [] : ['--no-strace']),
  ];
  return ['npm run bench', ...(flags.length > 0 ? ['--', ...flags] : [])].join(' ');
}

/** Rounds, and milliseconds. Who says how many rounds gets them, however long they take. */
export function timing(flags: Flags): typeof FULL {
  const base = flags.quick ? QUICK : FULL;
  const limit = flags.rounds === undefined ? base.limit : Number.POSITIVE_INFINITY;
  return { ...base, limit, rounds: flags.rounds ?? base.rounds, duration: flags.duration ?? base.duration };
}

/** `--cpu-prof` for all processes; Node names a profile after its process, we after the role as well. */
export function profileOptions(directory: string | undefined): string[] {
  if (directory === undefined) return [];
  return ['--cpu-prof', `--cpu-prof-dir=${join(resolve(directory), '{role}')}`, '--cpu-prof-interval=200'];
}
