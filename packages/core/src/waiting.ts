import { PigeonholeError } from './errors.js';
import { pace } from './pace.js';

/** What a waiting call may be told to give up on. */
export interface WaitOptions {
  /** Milliseconds on the monotonic clock, 0 or more. Absent or `Infinity`: wait for ever. */
  timeout?: number;
  /** Aborting rejects with the signal's own reason. */
  signal?: AbortSignal;
}

const PENDING = 0;
const RESOLVED = 1;
const REJECTED = 2;

/** setTimeout's longest delay: a longer one fires after 1 ms (Node documentation, "Timers"), so it is cut in pieces. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * The calls that wait on one signal, behind one listener: Node warns of a leak at eleven, and walks them all to add one. The
 * listener is there only while calls wait.
 */
export class AbortGroup {
  private static readonly groups = new WeakMap<AbortSignal, AbortGroup>();
  private readonly calls = new Set<() => void>();
  private readonly onAbort = (): void => {
    for (const call of [...this.calls]) call();
  };

  private constructor(private readonly signal: AbortSignal) {}

  static of(signal: AbortSignal): AbortGroup {
    let group = AbortGroup.groups.get(signal);
    if (group === undefined) {
      group = new AbortGroup(signal);
      AbortGroup.groups.set(signal, group);
    }
    return group;
  }

  add(call: () => void): void {
    if (this.calls.size === 0) this.signal.addEventListener('abort', this.onAbort);
    this.calls.add(call);
  }

  delete(call: () => void): void {
    if (this.calls.delete(call) && this.calls.size === 0)
      this.signal.removeEventListener('abort', this.onAbort);
  }
}

/**
 * How long a channel may take to say whether a send that timed out was withdrawn in time (the host may be stopped).
 * After that the caller gets `ERR_OUTCOME_UNKNOWN` rather than nothing.
 */
const CANCEL_GRACE = 1_000;

/**
 * One `send` or `receive` on its way: its outcome, timeout and abort, written once for every channel. Links itself into at
 * most one `OperationList` at a time. A promise is made only if the channel did not settle it at once.
 */
export abstract class Waiting {
  /** @internal list links */
  list: OperationList<Waiting> | null = null;
  next: Waiting | null = null;
  previous: Waiting | null = null;
  /** @internal its turn, or its number, where a channel keeps one */
  order = 0;
  /** @internal the handle that made it, until it settles, and its place among the handle's calls under way */
  calls: CallTracker | null = null;
  nextCall: Waiting | null = null;
  previousCall: Waiting | null = null;

  protected state = PENDING;
  protected error: unknown;
  protected reject: ((error: unknown) => void) | undefined;
  private timer: NodeJS.Timeout | undefined;
  private signal: AbortSignal | undefined;
  private onAbort: (() => void) | undefined;
  private giveUpReason: unknown;
  private lacked: (() => string) | undefined;

  get settled(): boolean {
    return this.state !== PENDING;
  }

  get failed(): boolean {
    return this.state === REJECTED;
  }

  /** How many messages have failed to get through, of those that it stands for. */
  get failures(): number {
    return this.failed ? 1 : 0;
  }

  /** How many messages have come or gone when it is settled. */
  protected get messages(): number {
    return 1;
  }

  /** Its timeout or signal has fired and the channel has been asked to withdraw it. */
  get cancelling(): boolean {
    return this.giveUpReason !== undefined;
  }

  fail(error: unknown): void {
    if (this.state !== PENDING) return;
    this.state = REJECTED;
    this.error = error;
    this.release();
    const { reject } = this;
    if (reject === undefined) return;
    if (pace.free()) reject(error);
    else pace.later(() => reject(error));
  }

  /** The channel has withdrawn it: it rejects with the reason for which it was given up. */
  withdrawn(): void {
    const { giveUpReason: reason, lacked } = this;
    if (lacked === undefined || !(reason instanceof PigeonholeError)) return this.fail(reason);
    this.fail(new PigeonholeError(reason.code, `${reason.message}: ${lacked()}`));
  }

  timeoutError(what: string, timeout: number): PigeonholeError {
    return new PigeonholeError('ERR_TIMEOUT', `${what} did not complete within timeout ${timeout} ms`);
  }

  /** Arms timeout and signal. `cancel` asks the channel to withdraw; `lacked` as of `giveUp`. */
  watch(options: WaitOptions, what: string, cancel: () => void, lacked?: () => string): void {
    if (this.state !== PENDING) return;
    const { timeout, signal } = options;
    if (timeout !== undefined && timeout !== Infinity) this.arm(timeout, timeout, what, cancel, lacked);
    if (signal !== undefined) {
      this.signal = signal;
      this.onAbort = () => this.giveUp(signal.reason, cancel);
      AbortGroup.of(signal).add(this.onAbort);
    }
  }

  /** Gives up for `reason` unless settled or given up before. `lacked` says what it has waited for, if it is certain that it has. */
  giveUp(reason: unknown, cancel: () => void, lacked?: () => string): void {
    if (this.state !== PENDING || this.giveUpReason !== undefined) return;
    this.giveUpReason = reason;
    this.lacked = lacked;
    clearTimeout(this.timer);
    cancel();
    if (!this.settled) this.timer = setTimeout(() => this.fail(this.outcomeUnknown()), CANCEL_GRACE);
  }

  private outcomeUnknown(): PigeonholeError {
    const reason = this.giveUpReason instanceof Error ? this.giveUpReason.message : String(this.giveUpReason);
    return new PigeonholeError(
      'ERR_OUTCOME_UNKNOWN',
      `gave up (${reason}), and whoever holds the mailbox did not say within ${CANCEL_GRACE} ms whether it had accepted the message`,
      { cause: this.giveUpReason },
    );
  }

  private arm(left: number, timeout: number, what: string, cancel: () => void, lacked?: () => string): void {
    this.timer = setTimeout(
      () => {
        if (left > LONGEST_TIMER) this.arm(left - LONGEST_TIMER, timeout, what, cancel, lacked);
        else this.giveUp(this.timeoutError(what, timeout), cancel, lacked);
      },
      Math.min(left, LONGEST_TIMER),
    );
  }

  protected release(): void {
    if (this.timer !== undefined) clearTimeout(this.timer);
    if (this.onAbort !== undefined && this.signal !== undefined)
      AbortGroup.of(this.signal).delete(this.onAbort);
    this.onAbort = undefined;
    this.list?.remove(this);
    this.calls?.settled(this);
  }
}

/** Whoever keeps the calls under way on a handle. */
export interface CallTracker {
  settled(call: Waiting): void;
}

/** A `Waiting` with an outcome. */
export abstract class Operation<T> extends Waiting {
  private value: T | undefined;
  // Declared through a method, so that lists may hold operations whatever their outcome.
  private resolve: { call(value: T): void }['call'] | undefined;

  /** A promise of the outcome. */
  outcome(): Promise<T> {
    if (this.state === REJECTED) return Promise.reject(this.error);
    if (this.state === RESOLVED) return pace.promise(this.value as T, this.messages);
    return new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** The outcome of a settled operation; throws what it failed with. */
  outcomeNow(): T {
    if (this.state === RESOLVED) return this.value as T;
    throw this.error;
  }

  protected settle(value: T): boolean {
    if (this.state !== PENDING) return false;
    this.state = RESOLVED;
    this.value = value;
    this.release();
    const { resolve } = this;
    if (resolve === undefined) return true;
    if (pace.free(this.messages)) resolve(value);
    else pace.later(() => resolve(value));
    return true;
  }
}

/** A doubly linked list of operations: constant-time append and removal, first come first served. */
export class OperationList<T extends Waiting> {
  first: T | null = null;
  last: T | null = null;
  size = 0;

  push(operation: T): void {
    operation.list = this as unknown as OperationList<Waiting>;
    operation.previous = this.last;
    operation.next = null;
    if (this.last === null) this.first = operation;
    else this.last.next = operation;
    this.last = operation;
    this.size++;
  }

  remove(operation: Waiting): void {
    if ((operation.list as unknown) !== this) return;
    if (operation.previous === null) this.first = operation.next as T | null;
    else operation.previous.next = operation.next;
    if (operation.next === null) this.last = operation.previous as T | null;
    else operation.next.previous = operation.previous;
    operation.list = operation.next = operation.previous = null;
    this.size--;
  }

  shift(): T | null {
    const operation = this.first;
    if (operation !== null) this.remove(operation);
    return operation;
  }

  /** Empties the list into an array, in order. */
  drain(): T[] {
    const all: T[] = [];
    for (let operation = this.shift(); operation !== null; operation = this.shift()) all.push(operation);
    return all;
  }
}
