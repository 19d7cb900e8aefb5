import { PigeonholeError, show } from './errors.js';
import type { Channel } from './transport.js';
import type { Operation, Waiting, WaitOptions } from './waiters.js';

/**
 * So many calls in a row may complete without the event loop running once; then one is completed from the loop. Otherwise
 * two actors that always find work would starve timers and sockets for ever (zeromq.js caps its synchronous reads alike).
 */
const BURST = 512;

/** The calls under way on one handle: option checks, timeout and abort, promises, and their end when the handle closes. */
export class Pending {
  private readonly operations = new Set<Waiting>();
  private readonly untrack = (operation: Waiting): boolean => this.operations.delete(operation);
  private burst = 0;
  private closed = false;
  private closing: Promise<number> | null = null;

  constructor(private readonly label: string) {}

  /** Throws what would keep a call from starting: a closed handle, a bad timeout, a signal aborted before. */
  check({ timeout, signal }: WaitOptions): void {
    if (this.closed) throw this.closedError();
    if (timeout !== undefined && !(typeof timeout === 'number' && timeout >= 0))
      throw new PigeonholeError(
        'ERR_CONFIG',
        `option timeout is ${show(timeout)}; it must be milliseconds, 0 or more (absent: wait for ever)`,
      );
    if (signal !== undefined) signal.throwIfAborted();
  }

  /** The outcome of an operation that its channel has. */
  outcome<T>(operation: Operation<T>, options: WaitOptions, verb: string, cancel: () => void): Promise<T> {
    const outcome = operation.outcome();
    if (outcome instanceof Promise) {
      if (!operation.settled) {
        this.operations.add(operation);
        operation.onSettled = this.untrack;
        if (options.timeout !== undefined || options.signal !== undefined)
          operation.watch(options, `${verb} ${this.label}`, cancel);
      }
      return outcome;
    }
    if (++this.burst < BURST) return Promise.resolve(outcome);
    this.burst = 0;
    return new Promise((resolve) => setImmediate(resolve, outcome));
  }

  /** The same, blocking the thread until it is settled. */
  outcomeSync<T>(
    operation: Operation<T>,
    channel: Channel,
    options: WaitOptions,
    verb: string,
    cancel: () => void,
  ): T {
    if (!operation.settled) channel.waitSync?.(operation, options.timeout ?? Infinity);
    if (!operation.settled)
      operation.giveUp(operation.timeoutError(`${verb} ${this.label}`, options.timeout ?? 0), cancel);
    return operation.outcomeNow();
  }

  /**
   * Ends every call under way with `ERR_CLOSED`, or as it came out, then `release`s. Resolves when all are settled, with the
   * number of those that failed.
   */
  close(cancel: (operation: Waiting) => void, release: () => void = () => {}): Promise<number> {
    this.closing ??= this.endAll(cancel).finally(release);
    return this.closing;
  }

  private async endAll(cancel: (operation: Waiting) => void): Promise<number> {
    this.closed = true;
    const outcomes = [...this.operations].map((operation) => {
      const settled = new Promise<boolean>((resolve) => {
        operation.onSettled = (each) => {
          this.untrack(each);
          resolve(each.failed);
        };
      });
      operation.giveUp(this.closedError(), () => cancel(operation));
      return settled;
    });
    return (await Promise.all(outcomes)).filter(Boolean).length;
  }

  private closedError(): PigeonholeError {
    return new PigeonholeError(
      'ERR_CLOSED',
      `this handle of ${this.label} is closed; open another with runtime.sender() or runtime.receiver()`,
      {
        address: this.label,
      },
    );
  }
}
