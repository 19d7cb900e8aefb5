import type { Logger } from '../config.js';
import type { Cell } from './cell.js';
import { traceOf } from './protocol.js';
import type { Turn } from './turn.js';
import type {
  ActorDefinition,
  ActorRef,
  AnyHandlers,
  Handlers,
  HandlersOf,
  SpawnedActor,
  SpawnOptions,
  TellOptions,
  TraceContext,
} from './types.js';

/** Messages that an actor sends itself later. They do not pass its mailbox; they end with a stop or restart. */
export interface ActorTimers {
  /** Calls `handler` once, `delay` milliseconds from now. A timer of this `key` that is running is replaced. */
  once(key: string, delay: number, handler: string, arg?: unknown): void;
  /** Calls `handler` every `interval` milliseconds; a turn that is due while the one before it waits is left out. */
  every(key: string, interval: number, handler: string, arg?: unknown): void;
  cancel(key: string): void;
}

/** An actor's reference to itself: it can tell itself something, but not wait for its own answer. */
export interface SelfRef {
  readonly name: string;
  readonly tell: Readonly<Record<string, (arg?: unknown, options?: TellOptions) => Promise<void>>>;
}

/** What a handler gets beside its argument: of one message, and of the instance that handles it. */
export interface Context<S> {
  /** As the definition's `state` made it; may be replaced. */
  state: S;
  readonly self: SelfRef;
  /** Who sent the message: the process as established by the transport, and what actor it says it was. */
  readonly sender: { readonly process: string; readonly actor: string | null };
  /** Aborted when the caller has given up, its deadline has passed, its process has died, or this instance stops or restarts. */
  readonly signal: AbortSignal;
  /** The trace context that came with the message. */
  readonly trace: TraceContext | null;
  readonly log: Logger;
  readonly timers: ActorTimers;
  /** Answers an `ask` before the handler ends, whose result is then ignored. */
  reply(value: unknown): void;
  /** A reference whose messages carry this message's trace context and this actor's name. */
  ref<D extends ActorDefinition<never>>(name: string): ActorRef<HandlersOf<D>>;
  /** Starts a child: it stops with this instance, and fails towards it. Its default name is `<this>.<definition's>`. */
  spawn<A, H extends AnyHandlers>(
    definition: ActorDefinition<A, H>,
    ...rest: undefined extends A ? [args?: A, options?: SpawnOptions] : [args: A, options?: SpawnOptions]
  ): Promise<SpawnedActor<H>>;
  /** The definition's `terminated` is called once when that actor ends. Resolves when the watch is in place. */
  watch(ref: { readonly name: string }): Promise<void>;
  unwatch(ref: { readonly name: string }): void;
  /** Ends this instance after the turns under way. */
  stop(): void;
  /** Puts the message of this turn aside until `unstash`; an `ask` stays unanswered. Throws `ERR_NO_SPACE`. */
  stash(): void;
  /** What was put aside comes next, in its order. A restart does this too. */
  unstash(): void;
  /** Handlers that take the place of those of the same names, until the next `become` or restart; null: the definition's. */
  become(handlers: Handlers<S> | null): void;
}

/** The context of one turn. */
export class TurnContext implements Context<unknown> {
  constructor(
    private readonly cell: Cell,
    private readonly turn: Turn,
  ) {}

  get state(): unknown {
    return this.cell.state;
  }

  set state(state: unknown) {
    this.cell.state = state;
  }

  get self(): SelfRef {
    return this.cell.self;
  }

  get sender(): { process: string; actor: string | null } {
    return { process: this.turn.from, actor: this.turn.request.headers?.a ?? null };
  }

  get signal(): AbortSignal {
    return this.turn.signal;
  }

  get trace(): TraceContext | null {
    return traceOf(this.turn.request.headers);
  }

  get log(): Logger {
    return this.cell.log;
  }

  get timers(): ActorTimers {
    return this.cell.timers;
  }

  reply(value: unknown): void {
    this.turn.reply(value);
  }

  ref<D extends ActorDefinition<never>>(name: string): ActorRef<HandlersOf<D>> {
    return this.cell.refFrom(name, this.trace) as ActorRef<HandlersOf<D>>;
  }

  spawn<A, H extends AnyHandlers>(
    definition: ActorDefinition<A, H>,
    args?: unknown,
    options: SpawnOptions = {},
  ): Promise<SpawnedActor<H>> {
    return this.cell.spawnChild(definition as ActorDefinition, args, options) as Promise<SpawnedActor<H>>;
  }

  watch(ref: { readonly name: string }): Promise<void> {
    return this.cell.watch(ref.name);
  }

  unwatch(ref: { readonly name: string }): void {
    this.cell.unwatch(ref.name);
  }

  stop(): void {
    this.cell.retire();
  }

  stash(): void {
    this.cell.stash(this.turn);
  }

  unstash(): void {
    this.cell.unstash();
  }

  become(handlers: Handlers<unknown> | null): void {
    this.cell.become(handlers as Parameters<Cell['become']>[0]);
  }
}
