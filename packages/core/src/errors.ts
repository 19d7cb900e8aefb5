/** Every code a `PigeonholeError` can carry. `docs/errors.md` explains each; a test keeps the two equal. */
export const errorCodes = [
  'ERR_TIMEOUT',
  'ERR_CLOSED',
  'ERR_TOO_LARGE',
  'ERR_UNSERIALIZABLE',
  'ERR_SCHEMA',
  'ERR_NAME',
  'ERR_CAPACITY',
  'ERR_CAPACITY_MISMATCH',
  'ERR_IN_USE',
  'ERR_TRANSPORT',
  'ERR_CONFIG',
  'ERR_UNSUPPORTED',
  'ERR_OS_LIMIT',
  'ERR_NO_SPACE',
  'ERR_PATH_TOO_LONG',
  'ERR_NOT_OURS',
  'ERR_INSECURE_DIR',
  'ERR_PERMISSION',
  'ERR_VERSION',
  'ERR_FRAME',
  'ERR_CORRUPT',
  'ERR_PEER_DOWN',
  'ERR_OUTCOME_UNKNOWN',
  'ERR_FENCED',
  'ERR_NATIVE_UNAVAILABLE',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface ErrorDetails {
  /** The error that led to this one. */
  cause?: unknown;
  /** The kernel's error number, negative as in Node (`-98` for EADDRINUSE). */
  errno?: number | undefined;
  /** Name of the transport concerned. */
  transport?: string | undefined;
  /** The mailbox, peer, path or socket address concerned. */
  address?: string | undefined;
  /** `sendMany` only: how many bodies, from the first, had been accepted. */
  accepted?: number | undefined;
}

const brand = Symbol.for('@pigeonhole/core:error');

/**
 * The one error class. `code` is stable and meant for programs; `message` names the option or object, the value
 * and the limit, and is meant for people.
 *
 * `instanceof` compares a brand, so it holds across duplicate installs and across the ESM and CommonJS builds.
 */
export class PigeonholeError extends Error {
  override readonly name = 'PigeonholeError';
  // Declared only, so that an error shows just the properties it has.
  declare readonly errno?: number;
  declare readonly transport?: string;
  declare readonly address?: string;
  declare readonly accepted?: number;

  constructor(
    readonly code: ErrorCode,
    message: string,
    details: ErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    if (details.errno !== undefined) this.errno = details.errno;
    if (details.transport !== undefined) this.transport = details.transport;
    if (details.address !== undefined) this.address = details.address;
    if (details.accepted !== undefined) this.accepted = details.accepted;
  }

  get [brand](): true {
    return true;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value;
  }
}

/** The transports that need no native code, for messages. */
export const WITHOUT_NATIVE = 'memory, uds, tcp and udp';

/** Whether `error` is a Node system error with one of these codes (`ENOENT`, …). */
export function hasSystemCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? '');
}

/** What `load` imports; null where that package is not installed. */
export async function ifInstalled<T>(load: () => Promise<T>): Promise<T | null> {
  try {
    return await load();
  } catch (error) {
    if (hasSystemCode(error, 'ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND')) return null;
    throw error;
  }
}

/** A short rendering of any value for an error message: never throws, never longer than 80 characters. */
export function show(value: unknown): string {
  let text: string;
  try {
    text =
      typeof value === 'string'
        ? JSON.stringify(value)
        : typeof value === 'bigint'
          ? `${value}n`
          : typeof value === 'object' && value !== null
            ? (JSON.stringify(value) ?? Object.prototype.toString.call(value))
            : String(value);
  } catch {
    text = Object.prototype.toString.call(value);
  }
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
