/** Errors of handlers on their way to the caller. */

const remoteBrand = Symbol.for('@pigeonhole/core:remote-error');
const refusalBrand = Symbol.for('@pigeonhole/core:refusal');

/** What a handler threw, at the caller. `instanceof` compares a brand, so it holds across duplicate installs. */
export class RemoteError extends Error {
  /** As the thrown error's. */
  override readonly name: string;
  /** As the thrown error's, if it was a string. */
  readonly code: string | undefined;
  /** As the thrown error's, if it could travel. */
  readonly data: unknown;
  /** The actor whose handler threw. */
  readonly actor: string;
  /** Where it was thrown, if the actor's definition says `exposeStacks`. */
  declare readonly remoteStack?: string;

  constructor(actor: string, thrown: WireError) {
    super(thrown.message);
    this.name = thrown.name;
    this.code = thrown.code;
    this.data = thrown.data;
    this.actor = actor;
    if (thrown.stack !== undefined) this.remoteStack = thrown.stack;
  }

  get [remoteBrand](): true {
    return true;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && remoteBrand in value;
  }
}

/**
 * Thrown by a handler, an answer rather than a crash: the caller gets it as a `RemoteError` with this name, message, code and
 * data; the actor goes on with its state, and nothing goes to dead letters.
 */
export class Refusal extends Error {
  override readonly name: string;
  readonly code: string | undefined;
  readonly data: unknown;

  constructor(message: string, details: { name?: string; code?: string; data?: unknown } = {}) {
    super(message);
    this.name = details.name ?? 'Refusal';
    this.code = details.code;
    this.data = details.data;
  }

  get [refusalBrand](): true {
    return true;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && refusalBrand in value;
  }
}

/** An error as plain data. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly data: unknown;
  readonly stack: string | undefined;
}

/** Whatever was thrown, as plain data; never throws. */
export function describeError(thrown: unknown, withStack: boolean): WireError {
  try {
    if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) {
      const { name, message, code, data, stack } = thrown as Record<string, unknown>;
      return {
        name: typeof name === 'string' ? name : 'Error',
        message: String(message),
        code: typeof code === 'string' ? code : undefined,
        data,
        stack: withStack && typeof stack === 'string' ? stack : undefined,
      };
    }
    return { name: 'Error', message: String(thrown), code: undefined, data: undefined, stack: undefined };
  } catch {
    return {
      name: 'Error',
      message: 'what was thrown cannot be described',
      code: undefined,
      data: undefined,
      stack: undefined,
    };
  }
}
