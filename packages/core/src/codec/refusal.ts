import { type ErrorCode, PigeonholeError, show } from '../errors.js';

/** One step from a container to what it holds. */
export type Step = string | number | { readonly call: 'get' | 'keys' | 'values'; readonly of: unknown };

/**
 * Why a body cannot be sent, on its way up from the value that is at fault. Each container it passes adds itself, so
 * that the key path costs nothing while all is well.
 */
export class Refusal extends Error {
  /** Innermost first. */
  readonly #steps: Step[] = [];
  readonly #owners: unknown[] = [];

  constructor(
    readonly code: ErrorCode,
    /** Completes "`body.key` …". */
    readonly reason: string,
    /** A limit was hit, which a cycle always does sooner or later. */
    readonly byLimit = false,
    readonly origin?: unknown,
  ) {
    super(reason);
  }

  /** A limit that the body breaks as a whole, wherever that shows. */
  static ofWhole(error: PigeonholeError): Refusal {
    return new Refusal(error.code, error.message, true, error);
  }

  under(owner: unknown, step: Step | undefined): this {
    if (step !== undefined) {
      this.#owners.push(owner);
      this.#steps.push(step);
    }
    return this;
  }

  /** How many containers it has passed. */
  get depth(): number {
    return this.#steps.length;
  }

  toError(): PigeonholeError {
    const steps = this.#steps.slice().reverse();
    const cycle = this.byLimit ? firstRepeat(this.#owners.slice().reverse()) : undefined;
    if (cycle !== undefined) {
      const back = keyPath(steps.slice(0, cycle.first));
      const message = `${keyPath(steps.slice(0, cycle.again))} refers back to ${back}: a body cannot hold a cycle; send an id in place of the reference.`;
      return new PigeonholeError('ERR_UNSERIALIZABLE', message);
    }
    if (this.origin instanceof PigeonholeError && this.byLimit) return this.origin;
    // A reason that goes on with the path is one of a part that was encoded by itself.
    const joint = /^[.[]/.test(this.reason) ? '' : ' ';
    return new PigeonholeError(this.code, `${keyPath(steps)}${joint}${this.reason}`, { cause: this.origin });
  }
}

/** Whatever was thrown while a container was read: our own refusal, or an error of a getter, a proxy or `toJSON`. */
export function refusalFrom(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const stackEnded = error instanceof RangeError && /call stack/i.test(error.message);
  const reason = stackEnded
    ? 'nests too deeply for the stack of this thread; lower maxDepth or flatten the body.'
    : `could not be read, because its getter, proxy or conversion threw: ${show(describe(error))}. Send a plain copy.`;
  return new Refusal('ERR_UNSERIALIZABLE', reason, stackEnded, error);
}

function describe(error: unknown): unknown {
  return error instanceof Error ? error.message : error;
}

function firstRepeat(owners: unknown[]): { first: number; again: number } | undefined {
  const seen = new Map<unknown, number>();
  for (let again = 0; again < owners.length; again++) {
    const first = seen.get(owners[again]);
    if (first !== undefined) return { first, again };
    seen.set(owners[again], again);
  }
  return undefined;
}

const LONGEST_PATH = 24;

/** `body.items[3].price`; the middle of a very long path is left out. */
export function keyPath(steps: readonly Step[]): string {
  if (steps.length <= LONGEST_PATH) return `body${steps.map(render).join('')}`;
  const half = LONGEST_PATH / 2;
  const left = steps.length - LONGEST_PATH;
  return `body${steps.slice(0, half).map(render).join('')} … (${left} more) … ${steps.slice(-half).map(render).join('')}`;
}

function render(step: Step): string {
  if (typeof step === 'number') return `[${step}]`;
  if (typeof step === 'string')
    return /^[A-Za-z_$][\w$]*$/.test(step) ? `.${shorten(step)}` : `[${show(step)}]`;
  if (step.call !== 'get') return `.${step.call}()[${show(step.of)}]`;
  return typeof step.of === 'object' || typeof step.of === 'function' ? '.get(…)' : `.get(${show(step.of)})`;
}

function shorten(name: string): string {
  return name.length > 80 ? `${name.slice(0, 77)}...` : name;
}
