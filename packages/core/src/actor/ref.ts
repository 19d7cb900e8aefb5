import { type MailboxAddress, mailbox } from '../address.js';
import { checkOptions } from '../call-options.js';
import { PigeonholeError } from '../errors.js';
import { pace } from '../pace.js';
import type { Sender } from '../sender.js';
import type { SendOperation } from '../waiters.js';
import type { WaitOptions } from '../waiting.js';
import { NO_OPTIONS, TELL_OPTIONS } from './asks.js';
import { checkTime, optionError } from './option-error.js';
import { slotOf } from './pool.js';
import { type Headers, isTraceparent, Request } from './protocol.js';
import { Reading } from './reading.js';
import type { ActorSystem } from './system.js';
import { channels, type SendEvent } from './tracing.js';
import type {
  ActorRef,
  AskOptions,
  SpawnedActor,
  StreamOptions,
  TellOptions,
  TraceContext,
} from './types.js';

const STREAM_OPTIONS = [...TELL_OPTIONS, 'window'];

/** From whom a reference sends: an actor that handles a message, or a program. */
export interface Origin {
  readonly actor: string | null;
  readonly trace: TraceContext | null;
}

/** The mailbox of one actor, shared by all references to it in this runtime. */
export class Line {
  readonly address: MailboxAddress<unknown>;
  private sender: Sender<unknown> | null = null;
  private turn = 0;

  constructor(
    readonly name: string,
    private readonly system: ActorSystem,
  ) {
    this.address = mailbox(name);
  }

  /** As `Sender.put`, and `outcome`; throws also when the runtime is closed. Of `options` timeout and signal count. */
  put(body: unknown, key: string | undefined, options: WaitOptions): SendOperation | null {
    this.sender ??= this.system.runtime.senderSoon(this.address);
    return this.sender.put(body, slotOf(key, this.turn++), options);
  }

  outcome(operation: SendOperation, options: WaitOptions): Promise<unknown> {
    return (this.sender as Sender<unknown>).outcome(operation, options);
  }

  /** Likewise, without waiting: rejects with `ERR_PEER_DOWN` where it would have to. */
  async try(
    body: unknown,
    key: string | undefined,
    { timeout = Number.POSITIVE_INFINITY, signal }: WaitOptions,
  ): Promise<void> {
    this.sender ??= this.system.runtime.senderSoon(this.address);
    const type = slotOf(key, this.turn++);
    const options = signal === undefined ? { type, timeout } : { type, timeout, signal };
    if (!(await this.sender.trySend(body, options))) throw this.notReached();
  }

  /** Resolves when it is accepted. */
  send(
    body: unknown,
    key: string | undefined,
    wait: boolean | undefined,
    options: WaitOptions,
  ): Promise<unknown> {
    try {
      if (wait === false) return this.try(body, key, options);
      const operation = this.put(body, key, options);
      return operation === null ? pace.promise(undefined) : this.outcome(operation, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  private notReached(): PigeonholeError {
    return new PigeonholeError(
      'ERR_PEER_DOWN',
      `actor '${this.name}' was not reached without waiting: ${this.obstacle()}`,
      {
        address: this.name,
      },
    );
  }

  close(): void {
    void this.sender?.close();
  }

  /** Why its mailbox may not have accepted something. */
  obstacle(): string {
    const { kind, host } = this.system.runtime.explain(this.address);
    if (kind === 'store') return 'its mailbox is full';
    return host === null
      ? 'nobody serves the actor'
      : `its mailbox, at process '${host}', is full or does not answer`;
  }
}

/** A line with an origin: what the methods of one reference send on. */
export class Route {
  constructor(
    readonly line: Line,
    private readonly origin: Origin,
  ) {}

  get name(): string {
    return this.line.name;
  }

  accepted(handler: string): void {
    if (channels.accept.hasSubscribers) channels.accept.publish({ actor: this.name, handler });
  }

  /** What goes along with a message; null, which is most often, when there is nothing. */
  headers(
    given: TraceContext | undefined,
    handler: string,
    kind: SendEvent['kind'],
    arg: unknown,
  ): Headers | null {
    let trace = given ?? this.origin.trace;
    if (channels.send.hasSubscribers) {
      const event: SendEvent = { actor: this.name, handler, kind, arg, trace };
      channels.send.publish(event);
      trace = event.trace;
    }
    const { actor } = this.origin;
    if (trace === null && actor === null) return null;
    const headers: Headers = {};
    if (actor !== null) headers.a = actor;
    if (trace !== null) {
      if (!isTraceparent(trace.traceparent))
        throw optionError(
          'trace.traceparent',
          `of ${this.name}.${handler}`,
          trace.traceparent,
          'a W3C traceparent',
        );
      headers.p = trace.traceparent;
      if (trace.tracestate !== undefined) headers.s = trace.tracestate;
    }
    return headers;
  }
}

type Tell = (arg: unknown, options?: TellOptions) => Promise<unknown>;
type Ask = (arg: unknown, options?: AskOptions) => Promise<unknown>;
type Stream = (arg: unknown, options?: StreamOptions) => Reading;

/** A reference. Its verbs, and the functions of each, are made at first use: there may be tens of thousands of references. */
class Ref {
  readonly name: string;
  readonly #system: ActorSystem;
  readonly #origin: Origin;
  #made: Route | null = null;
  #tell: Verb<Tell> | null = null;
  #ask: Verb<Ask> | null = null;
  #stream: Verb<Stream> | null = null;

  constructor(name: string, system: ActorSystem, origin: Origin) {
    this.name = name;
    this.#system = system;
    this.#origin = origin;
  }

  get #route(): Route {
    this.#made ??= new Route(this.#system.line(this.name), this.#origin);
    return this.#made;
  }

  get tell(): Verb<Tell> {
    const route = this.#route;
    this.#tell ??= verb(
      (handler) =>
        (arg, options = NO_OPTIONS) =>
          tell(route, handler, arg, options),
    );
    return this.#tell;
  }

  get ask(): Verb<Ask> {
    const route = this.#route;
    const { asks } = this.#system;
    this.#ask ??= verb(
      (handler) =>
        (arg, options = NO_OPTIONS) =>
          asks.ask(route, handler, arg, options),
    );
    return this.#ask;
  }

  get stream(): Verb<Stream> {
    const route = this.#route;
    const system = this.#system;
    this.#stream ??= verb((handler) => (arg, options = {}) => {
      checkOptions(options, STREAM_OPTIONS, `${route.name}.${handler}`);
      if (options.timeout !== undefined) checkTime(options.timeout, 'timeout', `of ${route.name}.${handler}`);
      return new Reading(system, route, handler, arg, options);
    });
    return this.#stream;
  }
}

/** The reference that `spawn` resolves with, and who can stop the actor. */
class OwnRef extends Ref {
  readonly stop: SpawnedActor['stop'];

  constructor(name: string, system: ActorSystem, stop: SpawnedActor['stop']) {
    super(name, system, { actor: null, trace: null });
    this.stop = stop;
  }
}

/** Throws when that is no name. */
export function makeRef(name: string, system: ActorSystem, origin: Origin): ActorRef {
  system.line(name);
  return new Ref(name, system, origin) as unknown as ActorRef;
}

/** `name` is that of an actor, so its line can wait until something is sent. */
export function makeOwnRef(name: string, system: ActorSystem, stop: SpawnedActor['stop']): SpawnedActor {
  return new OwnRef(name, system, stop) as unknown as SpawnedActor;
}

function tell(route: Route, handler: string, arg: unknown, options: TellOptions): Promise<unknown> {
  try {
    if (options !== NO_OPTIONS) checkOptions(options, TELL_OPTIONS, `${route.name}.${handler}`);
    const { key, wait, trace } = options;
    const body = [Request.tell, handler, arg, route.headers(trace, handler, 'tell', arg)];
    const sent = route.line.send(body, key, wait, options);
    return channels.accept.hasSubscribers ? sent.then(() => route.accepted(handler)) : sent;
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Functions by the names of handlers. */
type Verb<F> = Record<string, F>;

/** What a proxy keeps its functions in: an object without inherited names which, unlike one made by `Object.create`, has no table of its own. */
class Made {}
Object.setPrototypeOf(Made.prototype, null);
Reflect.deleteProperty(Made.prototype, 'constructor');

function verb<F>(make: (handler: string) => F): Verb<F> {
  return new Proxy(new Made() as Verb<F>, {
    get(made, handler) {
      if (typeof handler !== 'string') return undefined;
      let own = made[handler];
      if (own === undefined) {
        own = make(handler);
        made[handler] = own;
      }
      return own;
    },
  });
}
