import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { defaultLimits } from './codec.js';
import { findConfigFile, loadConfigFile } from './config/file.js';
import { type Layer, readArguments, readEnvironment, readLayer } from './config/layer.js';
import type { Limits, MailboxSettings, ResolvedConfig, RuntimeOptions } from './config/options.js';
import { defaultDirectory } from './naming.js';

export { loadTransport, type TransportFactory } from './config/load-transport.js';
export {
  type Limits,
  type Logger,
  type LogLevel,
  logLevels,
  type MailboxSettings,
  type ResolvedConfig,
  type RuntimeOptions,
  type TransportSetting,
} from './config/options.js';

/** What is read from the process, so that tests and embedders can give their own. */
export interface Environment {
  readonly env: NodeJS.ProcessEnv;
  /** Absolute. */
  readonly cwd: string;
}

const defaults: Limits = { ...defaultLimits, maxBytes: 2 ** 30 };

/**
 * Reads every source, weakest first: defaults, configuration file, environment, arguments. `mailboxes` and `limits` add up
 * key by key; of anything else the strongest source's is taken whole. An environment variable that is empty is not set.
 *
 * Each source is checked by itself, so an error says which one is wrong. Rejects with `ERR_NAME` for a process, namespace or
 * mailbox name, with `ERR_CONFIG` for all else: the key, the value, the source and what is allowed.
 */
export async function resolveConfig(
  options: RuntimeOptions = {},
  environment: Environment = { env: process.env, cwd: process.cwd() },
): Promise<ResolvedConfig> {
  const { env, cwd } = environment;
  const argument = readArguments(options, { source: 'in the arguments', base: cwd });
  const file = await findConfigFile(argument.config, cwd);
  const layers: Layer[] = [];
  if (file !== null)
    layers.push(readLayer(await loadConfigFile(file), { source: `in ${file}`, base: dirname(file) }));
  layers.push(...readEnvironment(env, cwd), argument);
  return { ...merge(layers, env), file, resolveFrom: cwd };
}

function merge(
  layers: readonly Layer[],
  env: NodeJS.ProcessEnv,
): Omit<ResolvedConfig, 'file' | 'resolveFrom'> {
  const chosen: Layer = Object.assign({}, ...layers);
  return {
    name: chosen.name ?? defaultName(),
    namespace: chosen.namespace ?? 'default',
    transport: chosen.transport,
    mailboxes: mergeMailboxes(layers),
    directory: chosen.directory ?? resolve(defaultDirectory(env)),
    logger: chosen.logger,
    logLevel: chosen.logLevel ?? 'warn',
    limits: Object.assign({}, defaults, ...layers.map((layer) => layer.limits)),
    inbox: { capacity: chosen.inbox?.capacity ?? 1024 },
    busyPoll: chosen.busyPoll ?? (availableParallelism() > 1 ? 50 : 0),
    closeDeadline: chosen.closeDeadline ?? 1000,
  };
}

/** A Map, since a mailbox may be called 'constructor'. */
function mergeMailboxes(layers: readonly Layer[]): ReadonlyMap<string, MailboxSettings> {
  const merged = new Map<string, MailboxSettings>();
  for (const { mailboxes } of layers)
    for (const [name, settings] of mailboxes) merged.set(name, { ...merged.get(name), ...settings });
  return merged;
}

/** Random, not the pid alone: containers that share a directory run the same script under the same pid. */
function defaultName(): string {
  const script = basename(process.argv[1] ?? 'node').replace(/\.[^.]*$/, '');
  const cleaned = script.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return `${cleaned.slice(0, 80) || 'node'}-${process.pid}-${randomBytes(3).toString('hex')}`;
}
