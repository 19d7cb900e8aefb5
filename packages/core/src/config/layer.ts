/** One source of configuration (the arguments, a file, an environment variable), checked by itself and made uniform. */
import { resolve } from 'node:path';
import * as v from 'valibot';
import { checkCapacity } from '../address.js';
import { DEEPEST } from '../codec/limits.js';
import { PigeonholeError, show } from '../errors.js';
import { checkName, type Named } from '../naming.js';
import { isTransport, transportShape } from './load-transport.js';
import {
  type Logger,
  logLevels,
  type MailboxSettings,
  type RuntimeOptions,
  type TransportSetting,
} from './options.js';
import { nearest } from './suggestion.js';

/** What one source says: no key is present with `undefined`, paths are absolute, shorthands are spelled out. */
export interface Layer extends Omit<RuntimeOptions, 'mailboxes' | 'maxMessageBytes'> {
  readonly mailboxes: readonly (readonly [string, MailboxSettings])[];
}

export interface Origin {
  /** For messages: `in /app/pigeonhole.config.json`. */
  readonly source: string;
  /** What relative paths in it are relative to; absolute. */
  readonly base: string;
}

type Bag = Record<string, unknown>;

const isBag = (value: unknown): value is Bag =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const bag = v.custom<Bag>(isBag, 'an object');

/** An object with these keys and no others. A key that is there with `undefined` counts as absent. */
function options<Entries extends v.ObjectEntries>(entries: Entries) {
  return v.pipe(
    bag,
    v.transform((value) =>
      Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)),
    ),
    v.strictObject(entries, (issue) => {
      const key = String(issue.path?.at(-1)?.key);
      const near = nearest(key, Object.keys(entries));
      const hint = near === undefined ? '' : `did you mean '${near}'? `;
      return `${hint}allowed keys: ${Object.keys(entries).join(', ')}`;
    }),
  );
}

const integer = (least: number, most: number, unit: string) =>
  v.exactOptional(
    v.custom<number>(
      (value) => Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most,
      `an integer from ${least} to ${most} (${unit})`,
    ),
  );

const text = (allowed: string) =>
  v.pipe(
    v.string(allowed),
    v.check((value) => value !== '' && !value.includes('\0'), allowed),
  );

const transportForms =
  "a transport's name ('uds', 'shm', ...), a module specifier, { use: name or specifier, ...options }, or " +
  transportShape;

const transport = v.exactOptional(
  v.lazy<v.GenericSchema<unknown, TransportSetting>>((value) => {
    if (isTransport(value)) return v.custom<TransportSetting>(isTransport);
    if (isBag(value)) return v.looseObject({ use: text(transportForms) }, transportForms);
    return text(transportForms);
  }),
);

const capacity = v.exactOptional(
  v.custom<number | 'unbounded'>((value) => {
    try {
      checkCapacity(value, 'it');
      return true;
    } catch {
      return false;
    }
  }, "0 (rendezvous), an integer from 1 to 4294967294, or 'unbounded'"),
);

const maxMessageBytes = integer(1, 2 ** 30, 'bytes');
const maxBytes = integer(1, Number.MAX_SAFE_INTEGER, 'bytes');

const mailboxEntries = {
  transport,
  capacity,
  ordering: v.exactOptional(v.picklist(['fifo', 'priority'], "'fifo', 'priority'")),
  maxBytes,
};

const isLogger = (value: unknown): value is Logger =>
  isBag(value) && ['debug', 'info', 'warn', 'error'].every((level) => typeof value[level] === 'function');

const layerEntries = {
  name: v.exactOptional(v.unknown()), // names are ERR_NAME's business: readLayer
  namespace: v.exactOptional(v.unknown()),
  transport,
  mailboxes: v.exactOptional(bag),
  directory: v.exactOptional(text('the path of a directory')),
  logger: v.exactOptional(
    v.custom<Logger | false>(
      (value) => value === false || isLogger(value),
      'false, or an object with the functions debug, info, warn and error (a pino logger)',
    ),
  ),
  logLevel: v.exactOptional(v.picklist(logLevels, logLevels.map((level) => `'${level}'`).join(', '))),
  limits: v.exactOptional(
    options({
      maxMessageBytes,
      maxDepth: integer(1, DEEPEST, 'levels'),
      maxNodes: integer(1, 2 ** 31 - 1, 'values'),
      maxBytes,
    }),
  ),
  maxMessageBytes,
  inbox: v.exactOptional(options({ capacity })),
  busyPoll: integer(0, 1000, 'microseconds'),
  closeDeadline: integer(0, 2 ** 31 - 1, 'milliseconds'),
};

const argumentEntries = {
  ...layerEntries,
  config: v.exactOptional(
    v.custom<string | false>(
      (value) => value === false || (typeof value === 'string' && value !== ''),
      'false (look for no file), or the path of a configuration file',
    ),
  ),
};

const layerSchema = options(layerEntries);
const argumentSchema = options(argumentEntries);
const mailboxSchema = options(mailboxEntries);

/** Throws `ERR_NAME` or `ERR_CONFIG` at the first thing wrong, naming key, value, source and what is allowed. */
export function readLayer(value: unknown, origin: Origin): Layer {
  return normalise(check(layerSchema, value, origin, ''), origin);
}

/** As `readLayer`; `config` is allowed too. */
export function readArguments(value: unknown, origin: Origin): Layer {
  return normalise(check(argumentSchema, value, origin, ''), origin);
}

const variables = {
  PIGEONHOLE_TRANSPORT: 'transport',
  PIGEONHOLE_NAMESPACE: 'namespace',
  PIGEONHOLE_DIR: 'directory',
  PIGEONHOLE_NAME: 'name',
  PIGEONHOLE_LOG_LEVEL: 'logLevel',
  PIGEONHOLE_BUSY_POLL: 'busyPoll',
} as const;

const PREFIX = 'PIGEONHOLE_';

/** Throws for what is almost one of them. Others with this prefix are somebody else's. */
function checkVariables(env: NodeJS.ProcessEnv): void {
  const known = Object.keys(variables);
  const endings = known.map((variable) => variable.slice(PREFIX.length));
  for (const variable of Object.keys(env)) {
    if (!variable.startsWith(PREFIX) || known.includes(variable)) continue;
    const ending = variable.slice(PREFIX.length);
    const near = ending === 'DIRECTORY' ? 'DIR' : nearest(ending, endings);
    if (near !== undefined)
      throw new PigeonholeError(
        'ERR_CONFIG',
        `the environment variable ${variable} is none of ours; did you mean '${PREFIX}${near}'? There are: ${known.join(', ')}`,
      );
  }
}

/** One layer a variable that is set. PIGEONHOLE_TRANSPORT may be JSON: `{"use":"tcp","port":7000}`. */
export function readEnvironment(env: NodeJS.ProcessEnv, cwd: string): Layer[] {
  checkVariables(env);
  return Object.entries(variables).flatMap(([variable, key]) => {
    const set = env[variable];
    if (!set) return [];
    const origin = { source: `in the environment variable ${variable}`, base: cwd };
    return [readLayer({ [key]: settingOf(key, set, origin) }, origin)];
  });
}

function settingOf(key: string, set: string, origin: Origin): unknown {
  if (key === 'transport' && set.startsWith('{')) return parseJson(set, key, origin);
  return key === 'busyPoll' && /^\d+$/.test(set) ? Number(set) : set;
}

function parseJson(json: string, key: string, origin: Origin): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new PigeonholeError(
      'ERR_CONFIG',
      `${key} ${origin.source} is not JSON: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

function normalise(value: v.InferOutput<typeof argumentSchema>, origin: Origin): Layer {
  const { name, namespace, mailboxes = {}, maxMessageBytes: shorthand, ...rest } = value;
  const layer: { -readonly [Key in keyof Layer]: Layer[Key] } = {
    ...rest,
    mailboxes: Object.entries(mailboxes).map(([mailbox, settings]) => readMailbox(mailbox, settings, origin)),
  };
  if (name !== undefined) layer.name = nameFrom(name, 'process', origin);
  if (namespace !== undefined) layer.namespace = nameFrom(namespace, 'namespace', origin);
  if (rest.directory !== undefined) layer.directory = resolve(origin.base, rest.directory);
  if (rest.transport !== undefined) layer.transport = anchor(rest.transport, origin);
  if (shorthand === undefined) return layer;
  const spelledOut = rest.limits?.maxMessageBytes ?? shorthand;
  if (spelledOut !== shorthand)
    throw new PigeonholeError(
      'ERR_CONFIG',
      `maxMessageBytes is ${shorthand} and limits.maxMessageBytes is ${spelledOut} ${origin.source}; ` +
        'they are the same limit: give one of them',
    );
  layer.limits = { ...rest.limits, maxMessageBytes: shorthand };
  return layer;
}

function readMailbox(name: string, value: unknown, origin: Origin): readonly [string, MailboxSettings] {
  nameFrom(name, 'mailbox', origin);
  const settings: MailboxSettings = check(mailboxSchema, value, origin, `mailboxes.${name}`);
  if (settings.transport === undefined) return [name, settings];
  return [name, { ...settings, transport: anchor(settings.transport, origin) }];
}

function nameFrom(name: unknown, of: Named, origin: Origin): string {
  try {
    checkName(name, of);
    return name;
  } catch (error) {
    const { message, address } = error as PigeonholeError;
    throw new PigeonholeError('ERR_NAME', `${message}; it stands ${origin.source}`, { address });
  }
}

/** Makes a relative module path absolute, so that it means the same wherever it is loaded from. */
function anchor(setting: TransportSetting, origin: Origin): TransportSetting {
  if (isTransport(setting)) return setting;
  if (typeof setting !== 'string') return { ...setting, use: String(anchor(setting.use, origin)) };
  return setting.startsWith('.') ? resolve(origin.base, setting) : setting;
}

function check<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  origin: Origin,
  prefix: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const key = [prefix, v.getDotPath(issue) ?? ''].filter((part) => part !== '').join('.');
  const unknown = issue.type === 'strict_object';
  throw new PigeonholeError(
    'ERR_CONFIG',
    unknown
      ? `unknown key ${key} ${origin.source}; ${issue.message}`
      : `${key || 'the configuration'} is ${show(issue.input)} ${origin.source}; allowed: ${issue.message}`,
  );
}
