/** What becomes of an actor whose handler throws. */
import { checkOptions } from '../call-options.js';
import { optionError } from './option-error.js';

export type Strategy = 'restart' | 'resume' | 'stop' | 'escalate';

export interface SupervisionOptions {
  /**
   * `restart` (default): a new state, after a back-off. `resume`: goes on with the state it has. `stop`: ends the instance.
   * `escalate`: the parent fails with the error; without a parent, as `stop`. A function decides by the error.
   */
  strategy?: Strategy | ((error: unknown) => Strategy);
  /** Milliseconds before a restart: `initial`, then doubled each time up to `max`. Default 50 and 5000. */
  backoff?: {
    initial?: number;
    max?: number;
    /** Share of the delay that is random, 0 to 1, so that many do not restart at once. Default 0.5. */
    jitter?: number;
  };
  /** One restart more than this within `within` milliseconds and the actor ends, and its parent fails. Default 5 in 60,000. */
  maxRestarts?: number;
  within?: number;
  /**
   * When one of its children restarts: only that one (default), all of them, or it and those that were spawned after it.
   */
  children?: 'one-for-one' | 'one-for-all' | 'rest-for-one';
}

export type Supervision = Required<Omit<SupervisionOptions, 'backoff'>> & {
  readonly backoff: Required<NonNullable<SupervisionOptions['backoff']>>;
};

const OPTIONS = ['strategy', 'backoff', 'maxRestarts', 'within', 'children'];
const strategies: readonly unknown[] = ['restart', 'resume', 'stop', 'escalate'];
const scopes: readonly unknown[] = ['one-for-one', 'one-for-all', 'rest-for-one'];

/** Fills in the defaults; throws `ERR_CONFIG`. */
export function resolveSupervision(options: SupervisionOptions, of: string): Supervision {
  checkOptions(options, OPTIONS, of, 'supervision ');
  checkOptions(options.backoff ?? {}, ['initial', 'max', 'jitter'], of, 'supervision.backoff ');
  const { strategy = 'restart', backoff = {}, maxRestarts = 5, within = 60_000 } = options;
  const { children = 'one-for-one' } = options;
  const { initial = 50, max = 5_000, jitter = 0.5 } = backoff;
  if (typeof strategy !== 'function' && !strategies.includes(strategy))
    throw optionError(
      'supervision.strategy',
      of,
      strategy,
      `${strategies.join(', ')}, or a function that returns one`,
    );
  if (!scopes.includes(children)) throw optionError('supervision.children', of, children, scopes.join(', '));
  checkNumber(initial, 2 ** 31 - 1, 'backoff.initial', of);
  checkNumber(max, 2 ** 31 - 1, 'backoff.max', of);
  checkNumber(jitter, 1, 'backoff.jitter', of);
  checkNumber(maxRestarts, Number.MAX_SAFE_INTEGER, 'maxRestarts', of);
  checkNumber(within, Number.MAX_SAFE_INTEGER, 'within', of);
  return { strategy, backoff: { initial, max, jitter }, maxRestarts, within, children };
}

function checkNumber(value: number, most: number, key: string, of: string): void {
  if (!(typeof value === 'number' && value >= 0 && value <= most))
    throw optionError(`supervision.${key}`, of, value, `a number from 0 to ${most}`);
}

/** What the strategy says of an error; a strategy that throws or answers nonsense says `stop`. */
export function decide(supervision: Supervision, error: unknown): Strategy {
  const { strategy } = supervision;
  if (typeof strategy !== 'function') return strategy;
  try {
    const decision = strategy(error);
    return strategies.includes(decision) ? decision : 'stop';
  } catch {
    return 'stop';
  }
}

/** Counts restarts within the window and says how long to wait before the next. */
export class Restarts {
  private readonly times: number[] = [];
  total = 0;

  constructor(
    private readonly supervision: Supervision,
    private readonly now: () => number,
  ) {}

  /** Milliseconds to wait before restarting; null: there have been too many. */
  next(): number | null {
    const { backoff, maxRestarts, within } = this.supervision;
    const now = this.now();
    while (this.times.length > 0 && now - (this.times[0] as number) > within) this.times.shift();
    if (this.times.length >= maxRestarts) return null;
    const full = Math.min(backoff.max, backoff.initial * 2 ** this.times.length);
    this.times.push(now);
    this.total++;
    return full * (1 - backoff.jitter * Math.random());
  }
}
