import type PQueue from 'p-queue';
import type { Logger } from '../config.js';
import { PigeonholeError } from '../errors.js';
import type { Message } from '../message.js';
import type { Receiver } from '../receiver.js';
import { childLogger } from './actor-log.js';
import type { Arrivals } from './arrivals.js';
import { Children } from './children.js';
import { type Alarm, within } from './clock.js';
import { type SelfRef, TurnContext } from './context.js';
import { Intake, type Take, type Taker } from './intake.js';
import type { LocalActor } from './local-actor.js';
import { isPromise, isStream } from './outcome.js';
import { Producing } from './producing.js';
import { Request } from './protocol.js';
import { Refusal } from './remote-error.js';
import { Stash } from './stash.js';
import { decide, Restarts } from './supervision.js';
import { Timers } from './timers.js';
import { channels, publishHandled, publishReceived } from './tracing.js';
import { Turn, tellTurn } from './turn.js';
import type {
  ActorDefinition,
  ActorRef,
  ErasedHandler,
  SpawnedActor,
  SpawnOptions,
  TraceContext,
} from './types.js';
import type { Termination } from './watch.js';

/** One instance of an actor: its state, what it makes of each message, and what becomes of it when it fails. */
export class Cell implements Taker {
  state: unknown;
  /** `broken`: it has failed and will not be started again, so that nothing more is handled. */
  private phase: 'starting' | 'running' | 'waiting' | 'stopping' | 'broken' = 'starting';
  private behaviour: Readonly<Record<string, ErasedHandler>>;
  private ownStash: Stash | null = null;
  /** Turns that go on for a while: what a stop or restart aborts. */
  private ownLasting: Set<Turn> | null = null;
  private ownChildren: Children | null = null;
  private ownRestarts: Restarts | null = null;
  private readonly intake: Intake;
  private receiver: Receiver<unknown> | null = null;
  private retiring = false;
  private stopping: Promise<void> | null = null;
  private backoff: Alarm | null = null;
  /** Counts restarts, so that what began before one is told apart. */
  private era = 0;
  private hasState = false;
  private onQuiet: (() => void) | null = null;
  private ownTimers: Timers | null = null;
  private ownLog: Logger | null = null;

  constructor(
    private readonly actor: LocalActor,
    readonly types: readonly number[] | undefined,
    readonly queue: PQueue | null,
  ) {
    this.behaviour = actor.spec.handlers;
    this.intake = new Intake(this);
  }

  get arrivals(): Arrivals {
    return this.actor.system.arrivals;
  }

  get ended(): boolean {
    return this.stopping !== null;
  }

  get restartCount(): number {
    return this.ownRestarts?.total ?? 0;
  }

  // What an idle instance does not need is made at first use: there may be tens of thousands.

  private get lasting(): Set<Turn> {
    this.ownLasting ??= new Set();
    return this.ownLasting;
  }

  private get children(): Children {
    this.ownChildren ??= new Children(this.actor.spec.supervision.children);
    return this.ownChildren;
  }

  private get restarts(): Restarts {
    const { spec, system } = this.actor;
    this.ownRestarts ??= new Restarts(spec.supervision, () => system.clock.now());
    return this.ownRestarts;
  }

  get self(): SelfRef {
    return this.refFrom(this.actor.name, null) as unknown as SelfRef;
  }

  get log(): Logger {
    this.ownLog ??= childLogger(this.actor.system.runtime.logger, this.actor.name);
    return this.ownLog;
  }

  get timers(): Timers {
    this.ownTimers ??= new Timers(this.actor.system.clock, (handler, arg, taken) =>
      this.intake.push(() => {
        taken();
        return this.handle(this.localTurn(handler, arg));
      }),
    );
    return this.ownTimers;
  }

  /** Makes the state; rejects with what the definition's `state` or `started` throws. */
  async start(): Promise<void> {
    const { spec } = this.actor;
    this.phase = 'starting';
    this.behaviour = spec.handlers;
    this.state = await spec.state?.(this.actor.args);
    this.hasState = true;
    await spec.started?.(new TurnContext(this, this.localTurn('', undefined)));
  }

  /** Begins to take messages. */
  serve(receiver: Receiver<unknown>): void {
    this.receiver = receiver;
    this.run();
  }

  private run(): void {
    if (this.phase !== 'starting') return;
    this.phase = 'running';
    this.unstash();
    this.intake.open(this.receiver as Receiver<unknown>);
    if (this.retiring) this.retire();
  }

  // --- handling

  intakeFailed(error: PigeonholeError): void {
    this.actor.system.runtime.warn(error);
    if (error.code !== 'ERR_CORRUPT') this.end(error);
  }

  taken(message: Message<unknown>): Promise<unknown> | undefined {
    const { actor } = this;
    const request = actor.read(message);
    if (request === null) return undefined;
    if (channels.receive.hasSubscribers) publishReceived(actor.name, request, message);
    const { clock } = actor.system;
    let until = request.deadline;
    let now = 0;
    // Each look at a clock takes as long as the rest of all this.
    if (until !== Number.POSITIVE_INFINITY) {
      now = clock.now();
      until += now - clock.wall();
    }
    return this.handle(new Turn(request, message.from, until, actor.system, actor.spec.exposeStacks), now);
  }

  private localTurn(handler: string, arg: unknown): Turn {
    const { system } = this.actor;
    return tellTurn(handler, arg, system.runtime.name, system);
  }

  /** One turn. Never throws; a promise, that never rejects, where it does not end at once. */
  private handle(turn: Turn, now = this.actor.system.clock.now()): Promise<unknown> | undefined {
    const { handler, arg } = turn.request;
    if (this.phase === 'broken') return this.drop(turn);
    const handle = Object.hasOwn(this.behaviour, handler) ? this.behaviour[handler] : undefined;
    if (handle === undefined) return this.actor.unhandled(turn);
    if (turn.until <= now) {
      this.actor.counts.skipped++;
      return undefined;
    }
    const began = channels.handle.hasSubscribers ? this.actor.system.clock.now() : 0;
    turn.stashed = false;
    let result: unknown;
    let streams: boolean;
    try {
      result = handle(new TurnContext(this, turn), arg);
      // In here, because a getter of the result may throw.
      if (isPromise(result)) return this.await(turn, result, began);
      streams = isStream(result);
    } catch (error) {
      return this.failed(turn, error, began);
    }
    if (streams || turn.request.kind === Request.stream) return this.stream(turn, result);
    return this.finished(turn, result, began);
  }

  private await(turn: Turn, result: PromiseLike<unknown>, began: number): Promise<unknown> {
    this.lasting.add(turn);
    turn.lasts(this.actor.name);
    return Promise.resolve(result).then(
      (value) =>
        turn.request.kind === Request.stream
          ? this.stream(turn, undefined)
          : this.finished(turn, value, began),
      (error: unknown) => this.failed(turn, error, began),
    );
  }

  private finished(turn: Turn, value: unknown, began: number): undefined {
    this.over(turn);
    if (turn.stashed) return undefined;
    this.actor.counts.handled++;
    turn.reply(value);
    this.publishHandled(turn, began, undefined);
  }

  private failed(turn: Turn, error: unknown, began: number): undefined {
    this.over(turn);
    if (turn.stashed) this.ownStash?.remove(turn);
    this.publishHandled(turn, began, error);
    turn.refuse(error);
    if (error instanceof Refusal) this.actor.counts.handled++;
    // What throws because its caller has given up has not failed.
    else if (turn.abandoned) this.actor.counts.skipped++;
    else {
      this.actor.counts.failed++;
      this.actor.deadLetter(turn, turn.aborted ? 'stopped' : 'crashed', error);
      if (!turn.aborted) this.crashed(error);
    }
  }

  private over(turn: Turn): void {
    turn.over();
    if (this.ownLasting?.delete(turn) && this.ownLasting.size === 0) this.onQuiet?.();
  }

  private drop(turn: Turn): undefined {
    turn.refuse(this.hasStopped());
    this.actor.deadLetter(turn, 'stopped', undefined);
  }

  private publishHandled(turn: Turn, began: number, error: unknown): void {
    if (!channels.handle.hasSubscribers) return;
    const duration = began === 0 ? 0 : this.actor.system.clock.now() - began;
    publishHandled(this.actor.name, turn.request, duration, error);
  }

  /** A stream runs beside the messages: it takes no turn, or a slow reader would hold up everybody else. */
  private stream(turn: Turn, result: unknown): undefined {
    if (!isStream(result) || turn.request.kind !== Request.stream) {
      this.over(turn);
      if (isStream(result))
        result[Symbol.asyncIterator]()
          .return?.()
          ?.then(undefined, () => {});
      turn.refuse(this.actor.mistaken(turn, isStream(result)));
      return;
    }
    this.lasting.add(turn);
    new Producing(turn, result[Symbol.asyncIterator](), this.actor.system).run().then(
      () => {
        this.actor.counts.handled++;
        this.over(turn);
      },
      (error: unknown) => this.failed(turn, error, 0),
    );
  }

  // --- what a context can do

  refFrom(name: string, trace: TraceContext | null): ActorRef {
    return this.actor.system.ref(name, { actor: this.actor.name, trace });
  }

  async spawnChild(definition: ActorDefinition, args: unknown, options: SpawnOptions): Promise<SpawnedActor> {
    const name = options.name ?? `${this.actor.name}.${definition.name}`;
    const { era } = this;
    const child = await this.actor.system.start(definition, args, { ...options, name }, this);
    if (this.stopping !== null || this.era !== era) {
      await child.stop(0);
      throw this.hasStopped();
    }
    this.children.add(child);
    return this.actor.system.spawned(child);
  }

  watch(name: string): Promise<void> {
    return this.actor.system.watches.watch(name, this, { ended: (termination) => this.notice(termination) });
  }

  unwatch(name: string): void {
    this.actor.system.watches.unwatch(name, this);
  }

  private notice(termination: Termination): void {
    const { terminated } = this.actor.spec;
    if (terminated === undefined) return;
    const turn = this.localTurn('', termination);
    this.intake.push(async () => {
      if (this.phase === 'broken') return;
      try {
        await terminated(new TurnContext(this, turn), termination);
      } catch (error) {
        this.failed(turn, error, 0);
      }
    });
  }

  stash(turn: Turn): void {
    this.ownStash ??= new Stash(this.actor);
    this.ownStash.put(turn);
  }

  unstash(): void {
    const again = (turn: Turn): Take => {
      return () => this.handle(turn);
    };
    if (this.ownStash !== null) this.intake.unshift(this.ownStash.takeAll().map(again));
  }

  become(handlers: Readonly<Record<string, ErasedHandler>> | null): void {
    this.behaviour = handlers === null ? this.actor.spec.handlers : { ...this.behaviour, ...handlers };
  }

  // --- failing

  /** Does what the definition says of this error. */
  crashed(error: unknown): void {
    if (this.phase !== 'running') return;
    const decision = decide(this.actor.spec.supervision, error);
    this.log.warn({ err: error }, `actor '${this.actor.name}' failed: ${decision}`);
    if (decision === 'stop') this.end(error);
    else if (decision === 'escalate') this.escalate(error);
    else if (decision === 'restart') this.restartFor(error);
  }

  private restartFor(error: unknown): void {
    const delay = this.restarts.next();
    if (delay === null) {
      this.escalate(error);
      return;
    }
    if (channels.restart.hasSubscribers) channels.restart.publish({ actor: this.actor.name, error, delay });
    void this.restart(delay);
    this.actor.parent?.childRestarts(this.actor.name, delay);
  }

  childRestarts(name: string, delay: number): void {
    this.ownChildren?.restarts(name, delay);
  }

  childEnded(name: string): void {
    this.ownChildren?.remove(name);
  }

  /** Ends what is under way, and starts anew after so long. */
  async restart(delay: number): Promise<void> {
    if (this.phase !== 'running') return;
    this.phase = 'waiting';
    this.era++;
    this.intake.pause();
    this.intake.renew();
    this.abortTurns(new PigeonholeError('ERR_CLOSED', `actor '${this.actor.name}' restarts`));
    this.ownTimers?.clear();
    await this.ownChildren?.stop(0);
    await this.tellStopped('restart');
    if (this.stopping !== null) return;
    await new Promise<void>((resolve) => {
      this.backoff = this.actor.system.clock.after(delay, resolve);
    });
    if (this.stopping !== null) return;
    try {
      await this.start();
    } catch (error) {
      if (this.stopping !== null) return;
      this.phase = 'running';
      this.actor.counts.failed++;
      this.crashed(error);
      return;
    }
    this.run();
  }

  private escalate(error: unknown): void {
    this.end(error);
    this.actor.escalate(error);
  }

  private end(error: unknown): void {
    this.phase = 'broken';
    void this.stop(0).then(() => this.actor.cellEnded(error));
  }

  // --- ending

  /** Resolves when everything that was sent before `wall` has been taken. */
  drain(wall: number): Promise<void> {
    return this.intake.drain(wall);
  }

  /** `ctx.stop`: after the turns under way. */
  retire(): void {
    this.retiring = true;
    if (this.phase === 'running') void this.stop(RETIREMENT).then(() => this.actor.cellEnded(undefined));
  }

  /** Ends this instance. What is under way may take so many milliseconds more; then it is aborted. */
  stop(deadline: number): Promise<void> {
    this.stopping ??= this.shutDown(deadline);
    return this.stopping;
  }

  private async shutDown(deadline: number): Promise<void> {
    if (this.phase !== 'running') this.phase = 'broken';
    this.backoff?.cancel();
    this.ownTimers?.clear();
    await this.intake.close();
    await this.ownChildren?.stop(deadline);
    if (deadline > 0) await within(this.quiet(), deadline);
    this.phase = 'broken';
    this.actor.counts.aborted += this.lasting.size;
    this.abortTurns(this.hasStopped());
    for (const turn of this.ownStash?.takeAll() ?? []) this.drop(turn);
    for (const take of this.intake.rest()) void take(); // which drops it, by name
    this.actor.system.watches.unwatchAll(this);
    await this.tellStopped('stop');
  }

  /** Resolves when nothing is under way, streams included. */
  private async quiet(): Promise<void> {
    await this.intake.settled();
    while (this.lasting.size > 0)
      await new Promise<void>((resolve) => {
        this.onQuiet = resolve;
      });
  }

  private abortTurns(reason: PigeonholeError): void {
    for (const turn of [...this.lasting]) {
      turn.abort(reason);
      turn.refuse(reason);
    }
  }

  private async tellStopped(why: 'stop' | 'restart'): Promise<void> {
    if (!this.hasState) return;
    try {
      await this.actor.spec.stopped?.(new TurnContext(this, this.localTurn('', undefined)), why);
    } catch (error) {
      this.log.warn({ err: error }, `actor '${this.actor.name}': stopped() threw`);
    }
  }

  private hasStopped(): PigeonholeError {
    return new PigeonholeError('ERR_CLOSED', `actor '${this.actor.name}' has stopped`);
  }
}

/** Milliseconds that turns under way may take after `ctx.stop`. */
const RETIREMENT = 5_000;
