/** `--all`: the same run over every transport, side by side. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import type { Account } from './account.js';
import type { Options } from './options.js';
import { cpuPerFlight } from './result.js';

interface Compared {
  /** As `--transport` takes it. */
  readonly transport: string;
  readonly label: string;
  readonly when: string;
}

const ALL: readonly Compared[] = [
  { transport: 'memory', label: 'memory', when: 'all services are in one thread: tests, small deployments' },
  {
    transport: 'shm',
    label: 'shm',
    when: 'speed counts, or messages must outlive a process; one user, one host',
  },
  {
    transport: 'pipe',
    label: 'pipe',
    when: 'one process starts all others, and no file may be left anywhere',
  },
  { transport: 'fifo', label: 'fifo', when: 'sockets are not allowed' },
  {
    transport: 'mqueue',
    label: 'mqueue',
    when: 'other programs use message queues, or (queue: kernel) messages must outlive a process without shared memory',
  },
  {
    transport: 'uds',
    label: 'uds',
    when: 'nothing speaks against it: needs no native code, sees every death at once',
  },
  {
    transport: '{"use":"uds","socket":"dgram"}',
    label: 'uds (dgram)',
    when: 'the kernel is to say of each piece who sent it',
  },
  { transport: 'tcp', label: 'tcp', when: 'some of the processes are, or will be, on another host' },
  {
    transport: 'udp',
    label: 'udp',
    when: 'TCP is not to be had, or messages may be lost (delivery: datagram)',
  },
];

/** What `--json` prints, as far as it is compared. */
type Outcome = Readonly<
  Pick<
    Account,
    | 'flightsPerSecond'
    | 'seconds'
    | 'cpuSeconds'
    | 'roundTrip'
    | 'counted'
    | 'equal'
    | 'complete'
    | 'ok'
    | 'lost'
    | 'duplicates'
  >
>;

export interface ComparedRow {
  readonly transport: string;
  /** Null: it does not work here; `problem` says why. */
  readonly run: Outcome | null;
  /** With an enricher killed; null where all services are one process. */
  readonly killed: Outcome | null;
  readonly problem?: string;
  readonly when: string;
}

/** Runs all, one after another, and prints the comparison. Resolves with the exit code: 0 when every result that there is was right. */
export async function compareAll(options: Options): Promise<number> {
  const rows: ComparedRow[] = [];
  for (const compared of ALL) {
    process.stderr.write(`${compared.label} …\n`);
    rows.push(await compare(compared, options));
  }
  process.stdout.write(`${options.json ? JSON.stringify(rows) : asTable(rows)}\n`);
  const outcomes = rows.flatMap(({ run, killed }) => [run, killed]).filter((outcome) => outcome !== null);
  const wrong = rows.filter(({ problem }) => problem !== undefined);
  return outcomes.every(({ ok, equal }) => ok && equal) && wrong.length === 0 ? 0 : 1;
}

async function compare({ transport, label, when }: Compared, options: Options): Promise<ComparedRow> {
  const common = { transport: label, when };
  try {
    const run = await runOnce(transport, options, []);
    const kill = transport === 'memory' ? null : ['--kill', 'enricher'];
    return { ...common, run, killed: kill && (await runOnce(transport, options, kill)) };
  } catch (error) {
    return { ...common, run: null, killed: null, problem: (error as Error).message };
  }
}

async function runOnce(
  transport: string,
  { capacity, times, data, enrichers }: Options,
  more: readonly string[],
): Promise<Outcome> {
  const args = ['--json', '--transport', transport, '--capacity', `${capacity}`, '--times', `${times}`];
  if (data !== undefined) args.push('--data', data);
  const main = fileURLToPath(new URL('main.js', import.meta.url));
  const child = spawn(
    process.execPath,
    [main, ...args, '--enrichers', `${Math.max(2, enrichers)}`, ...more],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const [printed, complaints] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (printed !== '') return JSON.parse(printed) as Outcome;
  throw new Error(complaints.trim().split('\n').at(-1) ?? 'it printed nothing');
}

const HEAD = [
  'transport',
  'flights/s',
  'round trip, µs: p50',
  'p99',
  'CPU, µs a flight',
  'equal',
  'lost with a killed enricher',
];

function asTable(rows: readonly ComparedRow[]): string {
  const table = new Table({
    head: HEAD,
    colAligns: ['left', 'right', 'right', 'right', 'right', 'left', 'right'],
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    style: { head: [], border: [] },
  });
  for (const row of rows) table.push(cells(row));
  const widest = Math.max(...rows.map(({ transport }) => transport.length));
  return [
    `${table}`,
    'Choose',
    ...rows.map(({ transport, when }) => `  ${transport.padEnd(widest)}  when ${when}`),
    ...rows.flatMap(({ transport, problem }) =>
      problem === undefined ? [] : [`${transport} does not work here: ${problem}`],
    ),
    'Figures are of this machine and this minute, of processes that have just started: npm run bench measures longer, and warm code.',
  ].join('\n');
}

function cells({ transport, run, killed }: ComparedRow): string[] {
  if (run === null) return [transport, ...HEAD.slice(1).map(() => '–')];
  const lost =
    killed === null ? 'all: one process' : `${killed.lost.length}${killed.ok ? '' : ' (unaccounted)'}`;
  return [
    transport,
    Math.round(run.flightsPerSecond).toLocaleString('en'),
    run.roundTrip.p50.toFixed(0),
    run.roundTrip.p99.toFixed(0),
    cpuPerFlight(run).toFixed(0),
    run.equal ? 'yes' : 'NO',
    lost,
  ];
}
