import { checkOptions } from '../call-options.js';
import { PigeonholeError } from '../errors.js';
import { AbortGroup, type WaitOptions } from '../waiting.js';
import { Due } from './deadlines.js';
import { checkTime } from './option-error.js';
import { Control, deadlineOf, decodeError, Request } from './protocol.js';
import type { Route } from './ref.js';
import { RemoteError } from './remote-error.js';
import type { ActorSystem } from './system.js';
import type { AskOptions } from './types.js';

export const DEFAULT_TIMEOUT = 5_000;

export const NO_OPTIONS: WaitOptions = Object.freeze({});
/** Those of a tell, and of an ask. */
export const TELL_OPTIONS = ['timeout', 'signal', 'key', 'wait', 'trace'];

/** One `ask` whose reply is not here yet. */
class PendingAsk extends Due {
  accepted = false;
  /** Incarnation of the process that is known to work on it. */
  worker: string | null = null;
  own: AbortController | null = null;
  release: (() => void) | null = null;

  constructor(
    private readonly asks: Asks,
    readonly id: number,
    readonly route: Route,
    readonly handler: string,
    readonly timeout: number,
    readonly resolve: (value: unknown) => void,
    readonly reject: (error: unknown) => void,
  ) {
    super();
  }

  expire(): void {
    this.asks.expired(this);
  }
}

/** The asks of one runtime under way. One timer serves them all, and no promise of theirs outlives its timeout. */
export class Asks {
  private readonly pending = new Map<number, PendingAsk>();

  constructor(private readonly system: ActorSystem) {}

  get size(): number {
    return this.pending.size;
  }

  ask(route: Route, handler: string, arg: unknown, options: AskOptions): Promise<unknown> {
    const { system } = this;
    return new Promise((resolve, reject) => {
      if (options !== NO_OPTIONS) checkOptions(options, TELL_OPTIONS, `${route.name}.${handler}`);
      const { timeout = DEFAULT_TIMEOUT, signal } = options;
      if (options.timeout !== undefined) checkTime(timeout, 'timeout', `of ${route.name}.${handler}`);
      signal?.throwIfAborted();
      const headers = route.headers(options.trace, handler, 'ask', arg);
      const ask = new PendingAsk(this, system.nextId(), route, handler, timeout, resolve, reject);
      this.pending.set(ask.id, ask);
      if (timeout !== Number.POSITIVE_INFINITY) system.deadlines.add(ask, timeout);
      if (signal !== undefined) this.heed(ask, signal);
      const deadline = deadlineOf(timeout, system.clock);
      const body = [Request.ask, handler, arg, headers, system.incarnation, ask.id, deadline];
      this.send(ask, body, options);
    });
  }

  private send(ask: PendingAsk, body: unknown, { key, wait }: AskOptions): void {
    const { line } = ask.route;
    if (wait === false) return this.await(ask, line.try(body, key, this.withdrawal(ask)));
    try {
      const operation = line.put(body, key, NO_OPTIONS);
      if (operation === null) this.accepted(ask);
      else this.await(ask, line.outcome(operation, this.withdrawal(ask)));
    } catch (error) {
      this.settle(ask.id)?.reject(error);
    }
  }

  private await(ask: PendingAsk, sent: Promise<unknown>): void {
    sent.then(
      () => this.accepted(ask),
      (error: unknown) => this.settle(ask.id)?.reject(error),
    );
  }

  private accepted(ask: PendingAsk): void {
    ask.accepted = true;
    ask.route.accepted(ask.handler);
  }

  /** What withdraws it while its mailbox has not accepted it. */
  private withdrawal(ask: PendingAsk): WaitOptions {
    const signal = ask.own?.signal ?? this.system.deadlines.signalOf(ask);
    return signal === undefined ? NO_OPTIONS : { signal };
  }

  /** Withdraws what has not been accepted; whoever works on it is told. */
  private heed(ask: PendingAsk, signal: AbortSignal): void {
    ask.own = new AbortController();
    const group = AbortGroup.of(signal);
    const onAbort = (): void => {
      if (this.settle(ask.id) === undefined) return;
      ask.own?.abort(signal.reason);
      if (ask.worker !== null) this.system.control.post(ask.worker, [Control.cancel, ask.id]);
      ask.reject(signal.reason);
    };
    group.add(onAbort);
    ask.release = () => group.delete(onAbort);
  }

  /** Takes what has come for an ask; false when none of that number is waiting. */
  take(kind: number, id: number, value: unknown): boolean {
    if (kind === Control.working) {
      const ask = this.pending.get(id);
      if (ask === undefined) return false;
      ask.worker = value as string;
      return true;
    }
    const ask = this.settle(id);
    if (ask === undefined) return false;
    if (kind === Control.reply) ask.resolve(value);
    else ask.reject(new RemoteError(ask.route.name, decodeError(value)));
    return true;
  }

  expired(ask: PendingAsk): void {
    this.settle(ask.id);
    ask.own?.abort();
    const { name } = ask.route;
    const what = ask.accepted
      ? ask.worker === null
        ? `actor '${name}' has not taken it, or not answered`
        : `'${this.system.nameOf(ask.worker)}' still handles it`
      : `its mailbox has not accepted it: ${ask.route.line.obstacle()}`;
    ask.reject(
      new PigeonholeError(
        'ERR_TIMEOUT',
        `ask ${name}.${ask.handler} got no reply within timeout ${ask.timeout} ms: ${what}`,
        {
          address: name,
        },
      ),
    );
  }

  /** That process is dead: what it worked on will have no reply. */
  down(incarnation: string, process: string): void {
    for (const ask of [...this.pending.values()])
      if (ask.worker === incarnation) this.lose(ask, `process '${process}' died while it handled it`);
  }

  /** The process that held the mailbox is dead: what had been accepted and is not known to be handled went with it. */
  lost(mailbox: string, host: string): void {
    for (const ask of [...this.pending.values()])
      if (ask.route.name === mailbox && ask.accepted && ask.worker === null)
        this.lose(ask, `process '${host}', which held the mailbox, died`);
  }

  private lose(ask: PendingAsk, why: string): void {
    this.settle(ask.id);
    const message = `ask ${ask.route.name}.${ask.handler} will have no reply: ${why}; it may or may not have been handled`;
    ask.reject(new PigeonholeError('ERR_OUTCOME_UNKNOWN', message, { address: ask.route.name }));
  }

  close(error: PigeonholeError): void {
    for (const ask of [...this.pending.values()]) this.settle(ask.id)?.reject(error);
  }

  private settle(id: number): PendingAsk | undefined {
    const ask = this.pending.get(id);
    if (ask === undefined) return undefined;
    this.pending.delete(id);
    this.system.deadlines.remove(ask);
    ask.release?.();
    return ask;
  }
}
