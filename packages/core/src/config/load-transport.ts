/** From what the configuration says about a transport to a `Transport` object. */
import { readdir } from 'node:fs/promises';
import { hasSystemCode, PigeonholeError, show, WITHOUT_NATIVE } from '../errors.js';
import type { Transport } from '../transport.js';
import { pathError } from './directory.js';
import { defaultExport, importModule, resolveModule } from './module.js';
import type { TransportSetting } from './options.js';
import { nearest } from './suggestion.js';

/** What a transport's package exports as its default. It checks its own options and throws `ERR_CONFIG` for bad ones. */
export type TransportFactory = (options: Record<string, unknown>) => Transport | Promise<Transport>;

/** Names that stand for `@pigeonhole/transport-<name>`. */
const firstParty: readonly string[] = ['pipe', 'fifo', 'mqueue', 'shm', 'uds', 'tcp', 'udp'];

/** What transports of ours call themselves with these options, in messages and in `explain`: to be asked for by options. */
const variants: Readonly<Record<string, string>> = {
  'uds-dgram': "{ use: 'uds', socket: 'dgram' }",
  'udp-datagram': "{ use: 'udp', delivery: 'datagram' }",
  'mqueue-kernel': "{ use: 'mqueue', queue: 'kernel' }",
};

export const transportShape =
  "a Transport object (kind 'link' or 'datagram' with open(), or kind 'store' with attach(); name; capabilities)";

export function isTransport(value: unknown): value is Transport {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, name, capabilities, open, attach } = value as Record<string, unknown>;
  const works =
    kind === 'link' || kind === 'datagram'
      ? typeof open === 'function'
      : kind === 'store' && typeof attach === 'function';
  return works && typeof name === 'string' && typeof capabilities === 'object' && capabilities !== null;
}

/**
 * Makes the transport that `setting` describes. A name in `builtin` needs no package; the other names of ours load
 * `@pigeonhole/transport-<name>`; anything else is a module specifier, found from `resolveFrom` first. The factory gets the
 * options beside `use`.
 *
 * Rejects with `ERR_TRANSPORT` when the package is not installed (naming the command that installs it), cannot be loaded
 * or does not export a factory; with whatever `PigeonholeError` the package itself throws.
 */
export async function loadTransport(
  setting: TransportSetting,
  resolveFrom: string,
  builtin: Readonly<Record<string, TransportFactory>>,
): Promise<Transport> {
  if (isTransport(setting)) return setting;
  const { use, ...options } = typeof setting === 'string' ? { use: setting } : setting;
  const own = Object.hasOwn(builtin, use) ? builtin[use] : undefined;
  if (own) return make(own, use, options);
  const specifier = firstParty.includes(use) ? packageOf(use) : use;
  const url = await resolveModule(specifier, resolveFrom);
  if (url === null) throw await notInstalled(use, specifier, resolveFrom, builtin);
  return make(await importFactory(use, specifier, url), use, options);
}

const packageOf = (name: string): string => `@pigeonhole/transport-${name}`;

async function importFactory(use: string, specifier: string, url: string): Promise<TransportFactory> {
  let module: unknown;
  try {
    module = await importModule(url);
  } catch (error) {
    if (hasSystemCode(error, 'EMFILE', 'ENFILE')) throw pathError(error, 'load', specifier);
    if (isMissing(NATIVE, error)) throw withoutNative(use, error);
    throw failed(use, `${specifier} cannot be loaded`, error);
  }
  const exported = defaultExport(module);
  if (typeof exported === 'function') return exported as TransportFactory;
  throw failed(
    use,
    `the default export of ${specifier} is ${show(exported)}; it must be a function (options) => Transport`,
  );
}

const NATIVE = '@pigeonhole/native';

/** Whether the package itself was found, and that one not. */
function isMissing(dependency: string, error: unknown): boolean {
  const missing = hasSystemCode(error, 'ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND');
  return missing && (error as Error).message.includes(`'${dependency}'`);
}

function withoutNative(use: string, cause: unknown): PigeonholeError {
  return new PigeonholeError(
    'ERR_NATIVE_UNAVAILABLE',
    `transport '${use}' needs the package ${NATIVE}, which is not installed; npm install ${NATIVE}; without it ${WITHOUT_NATIVE} work`,
    { cause, transport: use },
  );
}

async function make(
  factory: TransportFactory,
  use: string,
  options: Record<string, unknown>,
): Promise<Transport> {
  let made: unknown;
  try {
    made = await factory(options);
  } catch (error) {
    throw failed(use, 'its factory failed', error);
  }
  if (isTransport(made)) return made;
  throw failed(use, `its factory returned ${show(made)}; it must return ${transportShape}`);
}

/** The package's own `PigeonholeError` says more than a wrapper would. */
function failed(use: string, what: string, cause?: unknown): PigeonholeError {
  if (cause instanceof PigeonholeError) return cause;
  const reason = cause === undefined ? '' : `: ${cause instanceof Error ? cause.message : show(cause)}`;
  return new PigeonholeError('ERR_TRANSPORT', `transport ${show(use)}: ${what}${reason}`, {
    cause,
    transport: use,
  });
}

async function notInstalled(
  use: string,
  specifier: string,
  resolveFrom: string,
  builtin: Readonly<Record<string, TransportFactory>>,
): Promise<PigeonholeError> {
  // Resolution takes every failure to look for "not there"; one that could not look at all must not advise to install.
  const blind = await readdir(resolveFrom).then(
    () => null,
    (error: unknown) => error,
  );
  if (Object.hasOwn(variants, use)) return failed(use, `that is ${variants[use]}`);
  if (hasSystemCode(blind, 'EMFILE', 'ENFILE')) return pathError(blind, 'look for packages in', resolveFrom);
  const found = await Promise.all(
    firstParty.map(async (name) =>
      (await resolveModule(packageOf(name), resolveFrom)) === null ? [] : [name],
    ),
  );
  const working = [...new Set([...Object.keys(builtin), ...found.flat()])];
  const near = use === specifier ? nearest(use, [...Object.keys(builtin), ...firstParty]) : undefined;
  // No command for what is probably a slip: it might install a stranger's package of that name.
  const remedy = near === undefined ? `npm install ${packageName(specifier)}` : `did you mean '${near}'?`;
  return failed(
    use,
    `the package ${packageName(specifier)} is not installed (looked from ${resolveFrom}); ${remedy}; ` +
      `transports that work here: ${working.join(', ') || 'none'}`,
  );
}

/** `@scope/name` of `@scope/name/path`, `name` of `name/path`. */
function packageName(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}
