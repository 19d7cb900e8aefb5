/** What an actor is made of and how it is addressed, as types. Everything a caller sees is inferred from the handlers. */
import type { Capacity } from '../address.js';
import type { WaitOptions } from '../waiting.js';
import type { Context } from './context.js';
import type { SupervisionOptions } from './supervision.js';
import type { Termination } from './watch.js';

/** Handlers of an actor with the state `S`: the context, then at most one argument, which travels as a message body. */
export type Handlers<S> = Record<string, (ctx: Context<S>, arg: never) => unknown>;

/** Any handlers, whatever their state. */
export type AnyHandlers = Record<string, (ctx: never, arg: never) => unknown>;

/** How an actor is served. */
export interface ActorSpec<A, S, H extends Handlers<S>> {
  /** Makes the state, at the start and again at each restart. */
  state?: (args: A) => S | Promise<S>;
  /** What it understands. One that is an async generator is a stream; what any other returns is the reply to an `ask`. */
  handlers: H;
  /** Called once the state is made, before the first message, at each start and restart. */
  started?(ctx: Context<NoInfer<S>>): void | Promise<void>;
  /** Called when an instance has stopped, or before it restarts, after its last turn. */
  stopped?(ctx: Context<NoInfer<S>>, why: 'stop' | 'restart'): void | Promise<void>;
  /** An actor watched through `ctx.watch` has ended: a turn like a message. */
  terminated?(ctx: Context<NoInfer<S>>, termination: Termination): void | Promise<void>;
  /** Of its mailbox. Default capacity: as any mailbox, 1024. */
  mailbox?: { readonly capacity?: Capacity };
  /** Messages handled at a time by one instance. Default 1. */
  concurrency?: number;
  /** Messages that one instance may put aside with `ctx.stash`. Default 1000. */
  stashCapacity?: number;
  /** Instances that compete for the messages, each with a state of its own. Default 1; at most 256 with `routing: 'key'`. */
  instances?: number;
  /** `'any'` (default): whichever instance is free. `'key'`: messages with one key go to one instance, in order. */
  routing?: 'any' | 'key';
  supervision?: SupervisionOptions;
  /** Send the stacks of errors to callers. Default false: they name files of this process. */
  exposeStacks?: boolean;
  /** `import.meta.url` of the module that exports the definition: what `placement` loads elsewhere. */
  module?: string;
}

/** What `defineActor` makes: plain data, needs no runtime. Other processes import its type only. */
export interface ActorDefinition<A = never, H extends AnyHandlers = AnyHandlers> {
  readonly kind: 'actor';
  readonly name: string;
  /** @internal with defaults filled in, and its types erased */
  readonly spec: ErasedSpec;
  /** Never there: carries the types. */
  readonly types?: { readonly args: (args: A) => void; readonly handlers: H };
}

/** @internal */
export interface ErasedSpec {
  readonly state: ((args: unknown) => unknown) | undefined;
  readonly handlers: Readonly<Record<string, ErasedHandler>>;
  readonly started: ((ctx: Context<unknown>) => unknown) | undefined;
  readonly stopped: ((ctx: Context<unknown>, why: 'stop' | 'restart') => unknown) | undefined;
  readonly terminated: ((ctx: Context<unknown>, termination: Termination) => unknown) | undefined;
  readonly capacity: Capacity | undefined;
  readonly concurrency: number;
  readonly stashCapacity: number;
  readonly instances: number;
  readonly routing: 'any' | 'key';
  readonly supervision: Required<Omit<SupervisionOptions, 'backoff'>> & {
    readonly backoff: Required<NonNullable<SupervisionOptions['backoff']>>;
  };
  readonly exposeStacks: boolean;
  readonly module: string | undefined;
}

/** @internal */
export type ErasedHandler = (ctx: Context<unknown>, arg: unknown) => unknown;

/** The handlers of a definition: `HandlersOf<typeof inventory>`. */
export type HandlersOf<D> = D extends ActorDefinition<never, infer H> ? H : never;
/** What `spawn` needs to start it. */
export type ArgsOf<D> = D extends { readonly types?: { readonly args: (args: infer A) => void } } ? A : never;

export interface TellOptions extends WaitOptions {
  /** Where the actor's routing is `'key'`: the same key, the same instance, in order. */
  key?: string;
  /** `false`: rather fail at once than wait for space or for somebody to serve the actor. Default true. */
  wait?: boolean;
  /** W3C trace context to send along. A reference from `ctx.ref` sends that of the message being handled. */
  trace?: TraceContext;
}

/** `timeout`: milliseconds until the reply must be here, default 5000; `Infinity` for none. */
export interface AskOptions extends TellOptions {}

/** `timeout`: milliseconds until the first sign of the producer, default 5000. After that only its death ends the wait. */
export interface StreamOptions extends AskOptions {
  /** Values that may be under way and unread. Default 32. */
  window?: number;
}

/** As in https://www.w3.org/TR/trace-context/. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

type Rest<F> = F extends (ctx: never, ...rest: infer R) => unknown ? R : never;
type Result<F> = F extends (...args: never) => infer R ? R : never;
type Call<F, O, R> =
  Rest<F> extends [] ? (arg?: undefined, options?: O) => R : (...args: [...arg: Rest<F>, options?: O]) => R;
/** Compares functions first, which for most settles it without inferring what they return: `any` and `never`, which fit anything, do not count. */
type Streamed<F> = F extends (...args: never) => AsyncIterable<unknown>
  ? unknown extends Result<F>
    ? false
    : [Result<F>] extends [never]
      ? false
      : true
  : false;
type ValueOf<F> = Result<F> extends AsyncIterable<infer V> ? V : never;

/** An actor by its name, wherever it is served. Cheap; needs nobody to serve it. */
export interface ActorRef<H extends AnyHandlers = AnyHandlers> {
  readonly name: string;
  /** Resolves when the actor's mailbox has accepted the message, which says nothing of its being handled. */
  readonly tell: {
    readonly [K in keyof H as Streamed<H[K]> extends true ? never : K]: Call<
      H[K],
      TellOptions,
      Promise<void>
    >;
  };
  /**
   * Resolves with what the handler returns. Rejects with `RemoteError` for what it throws; `ERR_TIMEOUT`; the signal's reason;
   * `ERR_OUTCOME_UNKNOWN` when the process that had the message died; `ERR_PEER_DOWN` with `wait: false` when nobody serves it.
   */
  readonly ask: {
    readonly [K in keyof H as Streamed<H[K]> extends true ? never : K]: Call<
      H[K],
      AskOptions,
      Promise<Awaited<Result<H[K]>>>
    >;
  };
  /** What the generator yields. Asks nothing before the loop begins; leaving the loop stops the generator. */
  readonly stream: {
    readonly [K in keyof H as Streamed<H[K]> extends true ? K : never]: Call<
      H[K],
      StreamOptions,
      AsyncIterableIterator<ValueOf<H[K]>>
    >;
  };
}

export interface SpawnOptions {
  /** Default: the definition's. */
  name?: string;
  /** Default: the definition's. */
  instances?: number;
  /**
   * `'here'` (default), in a worker thread, or in a child process, each with a runtime of its own, which is started again when
   * it dies. Needs `module` in the definition or here.
   */
  placement?: 'here' | 'thread' | 'process';
  /**
   * Over how many threads or processes the instances are spread, evenly. Default 1. Each is started again by itself when it dies; with
   * `routing: 'key'`, messages with keys of its instances wait for it meanwhile.
   */
  spread?: number;
  /** The module that exports the definition, as a URL. */
  module?: string;
}

export interface StopOptions {
  /** Milliseconds that turns under way may take to end before their `ctx.signal` is aborted. Default 5000. */
  deadline?: number;
}

/** A reference to an actor that this process has spawned. */
export interface SpawnedActor<H extends AnyHandlers = AnyHandlers> extends ActorRef<H> {
  /**
   * Takes no more messages, lets the turns under way end, stops the children. What lies in the mailbox stays there for whoever
   * serves the actor next. Resolves when all that is done; stopping twice is fine.
   */
  stop(options?: StopOptions): Promise<void>;
}
