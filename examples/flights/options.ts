import { Command, InvalidArgumentError, Option } from 'commander';

export type MailboxCapacity = number | 'unbounded';

/** The command line of the example, checked. */
export interface Options {
  /** A transport's name; absent: the best that works here. */
  transport?: string;
  capacity: MailboxCapacity;
  times: number;
  data?: string;
  enrichers: number;
  kill?: 'enricher';
  json: boolean;
  /** The same run over every transport, compared. */
  all: boolean;
}

/** The command cannot be carried out as given; the message says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Parses `argv` (as in `process.argv`). Ends the process on `--help`, and on a mistake with exit code 2. */
export function parseOptions(argv: readonly string[]): Options {
  const command = buildCommand();
  command.parse(argv);
  const options = command.opts<Options>();
  if (options.all && (options.kill !== undefined || command.getOptionValueSource('transport') === 'cli')) {
    throw new UsageError(
      '--all runs every transport, with and without a kill: leave --transport and --kill out',
    );
  }
  if (options.kill !== undefined && options.enrichers < 2) {
    throw new UsageError('--kill enricher needs --enrichers 2 or more: somebody has to go on');
  }
  return options;
}

function buildCommand(): Command {
  return new Command('flights')
    .description('Mean flight delays by route and airport, worked out by processes that pass messages.')
    .addOption(
      new Option(
        '-t, --transport <name>',
        'how messages travel: shm, uds, memory, …, or JSON with options (default: the best that works here)',
      ).env('PIGEONHOLE_TRANSPORT'),
    )
    .addOption(
      new Option('-c, --capacity <n>', 'of each mailbox: 0, a number, or unbounded')
        .argParser(parseCapacity)
        .default(1024),
    )
    .option('-n, --times <n>', 'send the data this many times', parsePositive, 1)
    .option(
      '-d, --data <file>',
      'flights as JSON array or one JSON object a line (default: 20,000 real ones)',
    )
    .option('-e, --enrichers <n>', 'enrichers that compete for the flights', parsePositive, 2)
    .addOption(
      new Option('-k, --kill <service>', 'SIGKILL the enricher that hosts the mailbox, mid-run').choices([
        'enricher',
      ]),
    )
    .option('-a, --all', 'run over every transport, one after another, and compare', false)
    .option('--json', 'print the result as JSON', false)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .showHelpAfterError('(--help lists the options)');
}

function parsePositive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It must be 1 or more.');
  return value;
}

function parseCapacity(text: string): MailboxCapacity {
  if (text === 'unbounded') return text;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError('It must be 0, a positive whole number, or unbounded.');
  }
  return value;
}
