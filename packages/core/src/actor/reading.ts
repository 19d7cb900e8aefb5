import { PigeonholeError } from '../errors.js';
import { AbortGroup } from '../waiting.js';
import { DEFAULT_TIMEOUT } from './asks.js';
import { Due } from './deadlines.js';
import { checkCount } from './option-error.js';
import { Control, deadlineOf, decodeError, Request } from './protocol.js';
import type { Route } from './ref.js';
import { RemoteError } from './remote-error.js';
import type { ActorSystem } from './system.js';
import type { StreamOptions } from './types.js';

const WINDOW = 32;

type Result = IteratorResult<unknown, undefined>;

interface Waiting {
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** The reading side of a stream. It holds at most its window of values; what it has read makes room for as many more. */
export class Reading extends Due implements AsyncIterableIterator<unknown> {
  readonly id: number;
  private readonly window: number;
  private readonly values: unknown[] = [];
  private readonly waiting: Waiting[] = [];
  private started = false;
  private over = false;
  private failure: { readonly error: unknown } | null = null;
  private read = 0;
  private accepted = false;
  /** Incarnation of the producer's runtime. */
  worker: string | null = null;
  private readonly withdraw = new AbortController();
  private release: (() => void) | null = null;

  constructor(
    private readonly system: ActorSystem,
    readonly route: Route,
    private readonly handler: string,
    private readonly arg: unknown,
    private readonly options: StreamOptions,
  ) {
    super();
    this.id = system.nextId();
    this.window = checkCount(options.window, WINDOW, 2 ** 16, 'window', `of ${route.name}.${handler}`);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    if (!this.started) this.start();
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.serve();
    });
  }

  /** Leaving the loop: stops the producer. */
  return(): Promise<Result> {
    this.giveUp();
    this.end(null);
    this.values.length = 0;
    return Promise.resolve({ done: true, value: undefined });
  }

  private start(): void {
    this.started = true;
    const { system, route, handler, options } = this;
    const { signal, timeout = DEFAULT_TIMEOUT } = options;
    if (signal?.aborted) {
      this.end({ error: signal.reason });
      return;
    }
    system.readings.set(this.id, this);
    if (timeout !== Number.POSITIVE_INFINITY) system.deadlines.add(this, timeout);
    if (signal !== undefined) {
      const group = AbortGroup.of(signal);
      const onAbort = (): void => {
        this.giveUp();
        this.end({ error: signal.reason });
      };
      group.add(onAbort);
      this.release = () => group.delete(onAbort);
    }
    const deadline = deadlineOf(timeout, system.clock);
    const request = [
      handler,
      this.arg,
      route.headers(options.trace, handler, 'stream', this.arg),
      system.incarnation,
    ];
    route.line
      .send([Request.stream, ...request, this.id, deadline, this.window], options.key, options.wait, {
        signal: this.withdraw.signal,
      })
      .then(
        () => {
          this.accepted = true;
          route.accepted(handler);
        },
        (error: unknown) => this.end({ error }),
      );
  }

  /** What has come from the producer. */
  take(kind: number, value: unknown): void {
    this.system.deadlines.remove(this);
    if (kind === Control.working) this.worker = value as string;
    else if (kind === Control.end) this.end(null);
    else if (kind === Control.error)
      this.end({ error: new RemoteError(this.route.name, decodeError(value)) });
    else this.values.push(value);
    this.serve();
  }

  expire(): void {
    this.giveUp();
    const { timeout = DEFAULT_TIMEOUT } = this.options;
    const why = this.accepted
      ? 'the actor has not taken it'
      : `its mailbox has not accepted it: ${this.route.line.obstacle()}`;
    const message = `stream ${this.route.name}.${this.handler} did not begin within timeout ${timeout} ms: ${why}`;
    this.end({ error: new PigeonholeError('ERR_TIMEOUT', message, { address: this.route.name }) });
  }

  down(incarnation: string, process: string): void {
    if (this.worker === incarnation) this.lose(`process '${process}' died`);
  }

  lost(mailbox: string, host: string): void {
    if (this.route.name === mailbox && this.accepted && this.worker === null)
      this.lose(`process '${host}', which held the mailbox, died`);
  }

  private lose(why: string): void {
    const message = `stream ${this.route.name}.${this.handler} has ended early: ${why}`;
    this.end({ error: new PigeonholeError('ERR_OUTCOME_UNKNOWN', message, { address: this.route.name }) });
  }

  close(error: PigeonholeError): void {
    this.end({ error });
  }

  private giveUp(): void {
    if (this.over || !this.started) return;
    if (this.worker !== null) this.system.control.post(this.worker, [Control.cancel, this.id]);
  }

  private end(failure: { readonly error: unknown } | null): void {
    if (this.over) return;
    this.over = true;
    this.started = true;
    this.failure = failure;
    this.release?.();
    this.system.deadlines.remove(this);
    this.system.readings.delete(this.id);
    this.withdraw.abort();
    this.serve();
  }

  private serve(): void {
    while (this.waiting.length > 0) {
      if (this.values.length > 0) this.hand(this.waiting.shift() as Waiting, this.values.shift());
      else if (!this.over) return;
      else if (this.failure === null)
        (this.waiting.shift() as Waiting).resolve({ done: true, value: undefined });
      else {
        (this.waiting.shift() as Waiting).reject(this.failure.error);
        this.failure = null;
      }
    }
  }

  private hand(reader: Waiting, value: unknown): void {
    reader.resolve({ done: false, value });
    if (++this.read < Math.ceil(this.window / 2) || this.over || this.worker === null) return;
    this.system.control.post(this.worker, [Control.credit, this.id, this.read]);
    this.read = 0;
  }
}
