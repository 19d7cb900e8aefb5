/** The command: checks its arguments, starts the services, and answers with an exit code. */
import { resolve } from 'node:path';
import { compareAll } from './compare.js';
import { DataError, loadFlights } from './flight-data.js';
import { enricherNames, LAUNCHER } from './messages.js';
import { type Options, parseOptions, UsageError } from './options.js';
import { runApart, runTogether } from './run.js';
import type { RunSettings } from './settings.js';
import { describe, join } from './transports.js';

/** The command cannot be carried out as given. */
const EXIT_USAGE = 2;

async function main(): Promise<number> {
  const startedAt = Date.now();
  const options = parseOptions(process.argv);
  // Relative to where the user stands: npm runs scripts elsewhere.
  if (options.data !== undefined) options.data = resolve(process.env.INIT_CWD ?? '', options.data);
  if (options.all) return compareAll(options);
  const total = (await loadFlights(options.data)).length * options.times;
  const namespace = `flights-${process.pid}`;
  const launcher = await join(namespace, options.transport);
  try {
    const { transport, crossProcess } = describe(launcher);
    // The one place where the way of travel is set: services find it in their environment.
    process.env.PIGEONHOLE_TRANSPORT = options.transport ?? transport;
    process.env.PIGEONHOLE_NAMESPACE = namespace;
    const settings = makeSettings(options, { total, transport, startedAt });
    if (crossProcess) return await runApart(settings, launcher, options.kill);
    if (options.kill !== undefined) throw new UsageError(`--kill: ${transport} runs in one process`);
    return await runTogether(settings);
  } finally {
    await launcher.close();
  }
}

interface RunFacts {
  total: number;
  transport: string;
  startedAt: number;
}

function makeSettings(options: Options, { total, transport, startedAt }: RunFacts): RunSettings {
  const { data, capacity, times, enrichers, kill, json } = options;
  return {
    ...(data === undefined ? {} : { data }),
    total,
    capacity,
    enrichers: enricherNames(enrichers),
    watchers: kill === undefined ? ['reader'] : ['reader', LAUNCHER],
    startedAt,
    output: json ? 'json' : 'text',
    setup: { transport, capacity, enrichers, times, ...(kill === undefined ? {} : { kill }) },
  };
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof DataError || error instanceof UsageError)) throw error;
  process.stderr.write(`flights: ${error.message}\n`);
  process.exitCode = EXIT_USAGE;
}
