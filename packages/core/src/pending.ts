import { checkOptions } from './call-options.js';
import { PigeonholeError, show } from './errors.js';
import type { Channel } from './transport.js';
import type { CallTracker, Operation, Waiting, WaitOptions } from './waiting.js';

/** The calls under way on one handle: option checks, timeout and abort, promises, and their end when the handle closes. */
export class Pending implements CallTracker {
  closed = false;
  private first: Waiting | null = null;
  private failed = 0;
  private onIdle: (() => void) | null = null;
  private closing: Promise<number> | null = null;

  /** `known`: the options of its calls. `closedError`: what they get once it is closed, where it is no handle that could be opened anew. */
  constructor(
    private readonly label: string,
    private readonly known: readonly string[],
    private readonly closedError: (() => PigeonholeError) | null = null,
  ) {}

  get idle(): boolean {
    return this.first === null;
  }

  private hasClosed(): PigeonholeError {
    return this.closedError === null ? closedHandle(this.label) : this.closedError();
  }

  /** Throws what would keep a call from starting: a closed handle, an unknown option, a bad timeout, a signal aborted before. */
  check(options: WaitOptions): void {
    if (this.closed) throw this.hasClosed();
    checkOptions(options, this.known, this.label, 'a call on ');
    this.checkWait(options);
  }

  /** The same for options that have been checked to be known, or belong to another call. */
  checkWait(options: WaitOptions): void {
    if (this.closed) throw this.hasClosed();
    const { timeout, signal } = options;
    if (timeout !== undefined && !(typeof timeout === 'number' && timeout >= 0))
      throw new PigeonholeError(
        'ERR_CONFIG',
        `option timeout is ${show(timeout)}; it must be milliseconds, 0 or more (absent: wait for ever)`,
      );
    if (signal === undefined) return;
    if (!(typeof signal?.throwIfAborted === 'function' && typeof signal.addEventListener === 'function'))
      throw new PigeonholeError('ERR_CONFIG', `option signal is ${show(signal)}; it must be an AbortSignal`);
    signal.throwIfAborted();
  }

  /** The outcome of an operation that its channel has. `sending`: the channel of a send, for what that lacks if its time is over. */
  outcome<T>(
    operation: Operation<T>,
    options: WaitOptions,
    verb: string,
    cancel: () => void,
    sending?: Channel,
  ): Promise<T> {
    this.follow(operation);
    if (!operation.settled && (options.timeout !== undefined || options.signal !== undefined))
      operation.watch(options, `${verb} ${this.label}`, cancel, sending && (() => lacked(sending)));
    // The application may have closed the handle while its body was read.
    if (this.closed) operation.giveUp(this.hasClosed(), cancel);
    return operation.outcome();
  }

  /** Sees to the end of one that its channel has and of which nobody is promised the outcome. */
  follow(operation: Waiting): void {
    if (!operation.settled) this.track(operation);
  }

  /** The same, blocking the thread until it is settled. */
  outcomeSync<T>(
    operation: Operation<T>,
    channel: Channel,
    options: WaitOptions,
    verb: string,
    cancel: () => void,
    sending?: Channel,
  ): T {
    const { timeout = Number.POSITIVE_INFINITY } = options;
    if (this.closed) operation.giveUp(this.hasClosed(), cancel);
    if (!operation.settled) channel.waitSync?.(operation, timeout);
    if (!operation.settled)
      operation.giveUp(
        operation.timeoutError(`${verb} ${this.label}`, timeout),
        cancel,
        sending && (() => lacked(sending)),
      );
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

  /** @internal */
  settled(call: Waiting): void {
    if (call.previousCall === null) this.first = call.nextCall;
    else call.previousCall.nextCall = call.nextCall;
    if (call.nextCall !== null) call.nextCall.previousCall = call.previousCall;
    // Cut loose, or a call that has grown old would keep all later ones alive until a full collection.
    call.nextCall = call.previousCall = call.calls = null;
    if (!this.closed) return;
    this.failed += call.failures;
    if (this.first === null) this.onIdle?.();
  }

  private track(call: Waiting): void {
    call.calls = this;
    call.nextCall = this.first;
    if (this.first !== null) this.first.previousCall = call;
    this.first = call;
  }

  private async endAll(cancel: (operation: Waiting) => void): Promise<number> {
    this.closed = true;
    const calls: Waiting[] = [];
    for (let call = this.first; call !== null; call = call.nextCall) calls.push(call);
    for (const call of calls.reverse()) call.giveUp(this.hasClosed(), () => cancel(call));
    if (this.first !== null)
      await new Promise<void>((resolve) => {
        this.onIdle = resolve;
      });
    return this.failed;
  }
}

/** What a send that has waited there in vain did not get. */
function lacked({ capacity }: Channel): string {
  if (capacity === undefined) return 'nobody was found who hosts it, as a process does that opens a receiver';
  if (capacity === 'unbounded') return 'its host did not answer';
  return capacity === 0 ? 'nobody received it (capacity 0)' : `no place came free (capacity ${capacity})`;
}

export function unsupportedSync(verb: string, setup: { label: string; transport: string }): PigeonholeError {
  return new PigeonholeError(
    'ERR_UNSUPPORTED',
    `${verb} on ${setup.label}: transport '${setup.transport}' cannot block the thread (capabilities.sync is false); use the awaited form`,
    { transport: setup.transport, address: setup.label },
  );
}

function closedHandle(label: string): PigeonholeError {
  return new PigeonholeError(
    'ERR_CLOSED',
    `this handle of ${label} is closed; open another with runtime.sender() or runtime.receiver()`,
    { address: label },
  );
}
