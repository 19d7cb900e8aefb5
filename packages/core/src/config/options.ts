/** What can be configured: meaning, unit, range and default of every option. `layer.ts` checks it. */
import type { Capacity, Ordering } from '../address.js';
import type { Transport } from '../transport.js';

/**
 * Which transport, in one of five forms:
 * - a name: `'memory'`, or `'uds'`, which loads `@pigeonhole/transport-uds`;
 * - `'auto'`: the fastest of shm, uds and tcp that works here, the same for all processes of the namespace that say so;
 * - a module specifier of a third party's: `'@acme/pigeonhole-rdma'`, `'./my-transport.js'` (relative to the configuration
 *   file that says so, else to the working directory);
 * - `{ use: name or specifier, ...options }`, the options being the transport's own;
 * - a `Transport` object (arguments, and configuration files that are modules).
 */
export type TransportSetting =
  | string
  | { readonly use: string; readonly [option: string]: unknown }
  | Transport;

/** Overrides for one mailbox, whichever process opens it here and however its `mailbox()` was written. */
export interface MailboxSettings {
  /** Default: the runtime's. */
  transport?: TransportSetting;
  /** `0` (rendezvous), 1 to 4294967294 messages, or `'unbounded'`. Default: the mailbox's own if it exists, else 1024. */
  capacity?: Capacity;
  /** Default `'fifo'`. */
  ordering?: Ordering;
  /** Encoded bytes it may hold, 1 to 2^53 − 1. Default: `limits.maxBytes`. */
  maxBytes?: number;
}

export interface Limits {
  /** Encoded bytes of one message, 1 to 1073741824 (1 GiB). Default 16777216 (16 MiB). */
  maxMessageBytes: number;
  /** Nesting of objects, arrays, Maps and Sets in one message, 1 to 512. Default 128. */
  maxDepth: number;
  /** Values in one message, keys included, 1 to 2^31 − 1. Default 1048576. */
  maxNodes: number;
  /** Encoded bytes that one mailbox may hold, 1 to 2^53 − 1. Default 1073741824 (1 GiB). */
  maxBytes: number;
}

/** What the runtime logs to. pino's loggers fit, and so does `console`. */
export interface Logger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Everything but `logger` objects and `Transport` objects is plain JSON, and may stand in a configuration file. */
export interface RuntimeOptions {
  /**
   * This process's name, by which others address it: 1 to 128 characters (R1), free in the namespace (R4). Default: the
   * main script's name, the pid and six random digits, so that unnamed processes never meet.
   */
  name?: string;
  /** Processes and mailboxes see one another within one namespace. 1 to 128 characters (R1). Default `'default'`. */
  namespace?: string;
  /** Default: the runtime chooses. */
  transport?: TransportSetting;
  /** By mailbox name. Sources add up: a mailbox's settings of two sources are merged key by key. */
  mailboxes?: Readonly<Record<string, MailboxSettings>>;
  /**
   * Where processes find one another; the same for all of a namespace. Relative to the configuration file that says so, else
   * to the working directory. Default: `$XDG_RUNTIME_DIR/pigeonhole`, else `<tmp>/pigeonhole-<uid>`.
   */
  directory?: string;
  /** Default: the runtime's own, to standard error. `false`: none. */
  logger?: Logger | false;
  /** The least severe level of the runtime's own logger. Default `'warn'`. */
  logLevel?: LogLevel;
  /** Sources add up, key by key. */
  limits?: Partial<Limits>;
  /** The same as `limits.maxMessageBytes`; one source gives one of them. */
  maxMessageBytes?: number;
  /** Direct messages waiting in this process. Default `{ capacity: 1024 }`; capacities as for a mailbox. */
  inbox?: { capacity?: Capacity };
  /**
   * Microseconds that the event loop goes on turning after something has come from another process, and while a call waits in shared memory (at times twice as
   * many), 0 to 1000; 0: not at all. What follows within that time is read at once: an exchange of two processes that answer each other takes a fraction of the time. It is seldom done where it is seldom of
   * use, or others need the processor, and an idle process sleeps. Default 50; 0 where there is one processor.
   */
  busyPoll?: number;
  /** Milliseconds that `close()` waits for what was sent to leave, 0 to 2147483647. Default 1000. */
  closeDeadline?: number;
  /**
   * Only as an argument: `false` looks for no configuration file, a path names it. Default: `pigeonhole.config.json`,
   * `.js`, `.mjs` or `.ts` in the working directory or the nearest directory above that holds one.
   */
  config?: string | false;
}

/** `RuntimeOptions` as all sources together say, checked, with every default filled in. */
export interface ResolvedConfig {
  readonly name: string;
  readonly namespace: string;
  /** `undefined`: nobody chose one. */
  readonly transport: TransportSetting | undefined;
  readonly mailboxes: ReadonlyMap<string, MailboxSettings>;
  /** Absolute. Not made or checked yet: `prepareNamespace` does. */
  readonly directory: string;
  readonly logger: Logger | false | undefined;
  readonly logLevel: LogLevel;
  readonly limits: Readonly<Limits>;
  readonly inbox: { readonly capacity: Capacity };
  readonly busyPoll: number;
  readonly closeDeadline: number;
  /** The configuration file that was read, absolute; null when there was none. */
  readonly file: string | null;
  /** Where `loadTransport` looks for packages first: the working directory. */
  readonly resolveFrom: string;
}
