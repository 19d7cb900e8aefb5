import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter } from 'eventemitter3';
import type { Clock } from './actor/clock.js';
import type { DeadLetters } from './actor/dead-letters.js';
import { checkTime } from './actor/option-error.js';
import { RuntimeWatch } from './actor/runtime-watch.js';
import type { Subscription } from './actor/subscription.js';
import { type ActorStatus, ActorSystem } from './actor/system.js';
import type { PublishReport, SubscribeOptions, TopicAddress } from './actor/topic.js';
import type {
  ActorDefinition,
  ActorRef,
  AnyHandlers,
  HandlersOf,
  SpawnedActor,
  SpawnOptions,
} from './actor/types.js';
import type { BodyOf, Destination, InputOf, Source } from './address.js';
import { checkOptions } from './call-options.js';
import type { Carrier } from './carrier.js';
import type { Logger, ResolvedConfig } from './config.js';
import { PigeonholeError, show } from './errors.js';
import type { PeerEvent, RuntimeEvents } from './events.js';
import { Handles, labelOf } from './handles.js';
import type { Message } from './message.js';
import { Pending } from './pending.js';
import type { ReceiveOptions, Receiver, TryReceiveOptions } from './receiver.js';
import type { Registry } from './registry/registry.js';
import type { CloseReport, Explanation, StopReport } from './reports.js';
import { type Choice, type Selected, Selection } from './select.js';
import type { Sender, SendOptions, TrySendOptions } from './sender.js';
import type { ProcessOptions } from './transport.js';
import type { WaitOptions } from './waiting.js';

/** @internal what `createRuntime` puts together */
export interface RuntimeParts {
  readonly config: ResolvedConfig;
  readonly registry: Registry;
  readonly logger: Logger;
  /** The carrier of a mailbox by name; undefined: the default, which also carries direct messages. */
  carrier(mailbox: string | undefined): { carrier: Carrier; reason: string };
  readonly carriers: readonly Carrier[];
  warn(error: Error): void;
  /** After everything else. */
  end(): Promise<void>;
}

/** One process's membership of a namespace: its mailboxes, its inbox, its view of the others. Made by `createRuntime`. */
export class Runtime extends EventEmitter<RuntimeEvents> {
  private readonly handles: Handles;
  private readonly selecting = new Pending('its sources', ['timeout', 'signal'], () => this.closedError());
  private nextChoice = 0;
  private closing: Promise<CloseReport> | null = null;
  private system: ActorSystem | null = null;
  private settling = false;
  private stopping: Promise<StopReport> | null = null;

  /** @internal use `createRuntime()` */
  constructor(private readonly parts: RuntimeParts) {
    super();
    this.handles = new Handles(parts, this);
  }

  get name(): string {
    return this.parts.config.name;
  }

  get namespace(): string {
    return this.parts.config.namespace;
  }

  /** `Sender.send` on a handle that the runtime opens at first use and keeps. */
  send<A extends Destination>(to: A, body: InputOf<A>, options?: SendOptions): Promise<void> {
    return promised(() => this.handles.implicitSender(to).send(body, options));
  }

  /** `Sender.trySend`, likewise. */
  trySend<A extends Destination>(
    to: A,
    body: InputOf<A>,
    options?: TrySendOptions & WaitOptions,
  ): Promise<boolean> {
    return promised(() => this.handles.implicitSender(to).trySend(body, options));
  }

  /** `Receiver.receive`, likewise. Receiving from a mailbox that nobody hosts makes this process its host. */
  receive<A extends Source>(from: A, options?: ReceiveOptions): Promise<Message<BodyOf<A>>> {
    return promised(
      () => this.handles.implicitReceiver(from).receive(options) as Promise<Message<BodyOf<A>>>,
    );
  }

  /** `Receiver.tryReceive`, likewise. */
  tryReceive<A extends Source>(
    from: A,
    options?: TryReceiveOptions & WaitOptions,
  ): Promise<Message<BodyOf<A>> | null> {
    return promised(
      () => this.handles.implicitReceiver(from).tryReceive(options) as Promise<Message<BodyOf<A>> | null>,
    );
  }

  /**
   * Opens a handle for sending. Resolves whether or not anybody hosts the mailbox (or the process is there) yet; `send`
   * waits. Rejects with `ERR_CAPACITY_MISMATCH` when the mailbox is known to have another capacity.
   */
  async sender<A extends Destination>(to: A): Promise<Sender<InputOf<A>>> {
    return this.handles.sender(to) as Promise<Sender<InputOf<A>>>;
  }

  /**
   * Opens a handle for receiving; on a link transport the first process to do so hosts the mailbox. Rejects with
   * `ERR_CAPACITY_MISMATCH` when the mailbox has another capacity.
   */
  async receiver<A extends Source>(from: A): Promise<Receiver<BodyOf<A>>> {
    return this.handles.receiver(from) as Promise<Receiver<BodyOf<A>>>;
  }

  /**
   * Waits on several mailboxes (and `peer()`, `anyPeer`) and takes one message from one of them; nothing is taken from the
   * others. Rejects as `receive` does.
   */
  select<const S extends readonly Source[]>(
    sources: S,
    options: WaitOptions = {},
  ): Promise<Selected<S[number]>> {
    return promised(() => {
      if (!Array.isArray(sources) || sources.length === 0)
        throw new PigeonholeError(
          'ERR_CONFIG',
          `select: sources is ${show(sources)}; it must be an array of at least one mailbox, peer or anyPeer`,
        );
      const choices = sources.map((source): Choice => this.handles.implicitReceiver(source).choice(source));
      this.selecting.check(options);
      const selection = new Selection();
      selection.start(choices, this.nextChoice++);
      const outcome = this.selecting.outcome(selection, options, 'select from', () => selection.withdrawn());
      return outcome as Promise<Selected<S[number]>>;
    });
  }

  /** Which transport carries an address, why, and what it guarantees and limits. Opens nothing. */
  explain(address: Source | Destination): Explanation {
    const { carrier, reason } = this.handles.carrierOf(address);
    const { transport } = carrier;
    const name =
      address.kind === 'mailbox' ? address.name : `@${address.kind === 'peer' ? address.name : this.name}`;
    const settings = this.handles.settingsOf(address);
    const { capacity, host, drops } = carrier.describe(name);
    const asked =
      address.kind === 'mailbox' ? (settings.capacity ?? address.capacity) : this.parts.config.inbox.capacity;
    const codec = address.kind === 'mailbox' ? (address.codec ?? 'msgpack') : 'msgpack';
    return {
      address: labelOf(address),
      transport: transport.name,
      kind: transport.kind,
      reason,
      capacity: capacity ?? asked,
      host,
      codec: typeof codec === 'string' ? codec : codec.name,
      capabilities: transport.capabilities,
      ...(drops === undefined ? {} : { drops }),
      details: transport.details?.(address.kind === 'mailbox' ? name : undefined) ?? {},
      limits: {
        ...this.parts.config.limits,
        maxBytes: settings.maxBytes ?? this.parts.config.limits.maxBytes,
      },
    };
  }

  /**
   * Serves an actor here, or has it served in a thread or process of its own (`placement`). Resolves once it takes messages.
   * Rejects with what its `state` or `started` throws; `ERR_IN_USE` when this runtime serves the name already; `ERR_CONFIG`.
   */
  async spawn<A, H extends AnyHandlers>(
    definition: ActorDefinition<A, H>,
    ...rest: undefined extends A ? [args?: A, options?: SpawnOptions] : [args: A, options?: SpawnOptions]
  ): Promise<SpawnedActor<H>> {
    const [args, options = {}] = rest;
    const system = this.actorSystem();
    return system.spawned(await system.start(definition, args, options, null)) as SpawnedActor<H>;
  }

  /** An actor by its name, wherever it is or will be served: `runtime.ref<typeof inventory>('inventory')`. */
  ref<D extends ActorDefinition>(name: string): ActorRef<HandlersOf<D>> {
    return this.actorSystem().ref(name) as ActorRef<HandlersOf<D>>;
  }

  /** Watches an actor; resolves when the watch is in place. Its `terminated` resolves once, when the actor ends. */
  async watch(ref: { readonly name: string }): Promise<RuntimeWatch> {
    const watch = new RuntimeWatch(this.actorSystem().watches, ref.name);
    await watch.placed;
    return watch;
  }

  /** The messages of the namespace that no handler has dealt with. */
  get deadLetters(): DeadLetters {
    return this.actorSystem().deadLetters;
  }

  /**
   * Opens a mailbox of its own for what is published to the topic from now on. Publishers learn of it as they get to hear of it:
   * those that had to do with actors or topics before, at once; others when they first have.
   */
  async subscribe<T>(topic: TopicAddress<T>, options: SubscribeOptions): Promise<Subscription<T>> {
    return this.actorSystem().topics.subscribe(topic, options);
  }

  /**
   * Puts a copy into the mailbox of every subscriber that this process knows of. Resolves when each has accepted or, as it declared,
   * dropped it. `timeout` and `signal` end the waiting for those with `overflow: 'wait'`. Rejects with `ERR_NO_SPACE` when one with
   * `overflow: 'fail'` is full; the others have it nonetheless.
   */
  async publish<T>(topic: TopicAddress<T>, body: T, options: WaitOptions = {}): Promise<PublishReport> {
    return this.actorSystem().topics.publish(topic, body, options);
  }

  /** The actors served here, and their counts. */
  actors(): readonly ActorStatus[] {
    return this.system?.status() ?? [];
  }

  /** @internal `clock` is for the first call */
  actorSystem(clock?: Clock): ActorSystem {
    this.checkOpen();
    this.system ??= new ActorSystem(this, clock);
    return this.system;
  }

  /** @internal tells the actors first: a listener that throws must not keep it from them */
  override emit<E extends EventEmitter.EventNames<RuntimeEvents>>(
    event: E,
    ...args: EventEmitter.EventArgs<RuntimeEvents, E>
  ): boolean {
    const [payload] = args as unknown[];
    if (event === 'peer:down') this.system?.peerDown(payload as PeerEvent);
    if (event === 'peer:up') this.system?.peerUp(payload as PeerEvent);
    if (event === 'mailbox:lost') this.system?.mailboxLost(payload as { mailbox: string; host: string });
    return super.emit(event, ...args);
  }

  /** @internal */
  get incarnation(): string {
    return this.parts.registry.self.incarnation;
  }

  /** @internal */
  get logger(): Logger {
    return this.parts.logger;
  }

  /** @internal */
  get config(): ResolvedConfig {
    return this.parts.config;
  }

  /** @internal */
  warn(error: Error): void {
    this.parts.warn(error);
  }

  /** @internal a sender of its own that opens while its first messages wait, under their own timeouts */
  senderSoon(to: Destination): Sender {
    return this.handles.senderSoon(to);
  }

  /** @internal starts a script in a process that the transports in use reach */
  startProcess(script: string, options: ProcessOptions): ChildProcess {
    for (const { transport } of this.parts.carriers)
      if (transport.kind === 'link' && transport.startProcess !== undefined)
        return transport.startProcess(script, options);
    return fork(script, [], options);
  }

  /** The other live processes of the namespace. */
  peers(): { readonly name: string; readonly incarnation: string; readonly pid: number }[] {
    return this.parts.registry.peers().map(({ name, incarnation, pid }) => ({ name, incarnation, pid }));
  }

  /**
   * Settles every pending call (`ERR_CLOSED`), hands mailboxes hosted here to processes that have receivers open, says goodbye,
   * and removes what belongs to this process. Then nothing of the runtime keeps the process alive. Waits at most `deadline`
   * milliseconds (default: `closeDeadline`, 1000) for others. Closing again gives the same report.
   */
  close(options: { deadline?: number } = {}): Promise<CloseReport> {
    return promised(() => {
      checkOptions(options, ['deadline'], 'close of the runtime');
      const { deadline = this.parts.config.closeDeadline } = options;
      if (!(deadline >= 0 && deadline < 2 ** 31))
        throw new PigeonholeError(
          'ERR_CONFIG',
          `option deadline is ${show(deadline)}; it must be 0 to 2147483647 milliseconds`,
        );
      this.closing ??= this.shutDown(deadline);
      return this.closing;
    });
  }

  /**
   * Closes in good order: the actors served here handle what had been sent to them before, while they go on serving one another; then
   * they end, and the runtime closes. All of it within `deadline` milliseconds (default 10,000); turns still under way then are
   * aborted. Never rejects for what could not be done: the report says it.
   */
  stop(options: { deadline?: number } = {}): Promise<StopReport> {
    return promised(() => {
      checkOptions(options, ['deadline'], 'stop of the runtime');
      const deadline = checkTime(options.deadline ?? 10_000, 'deadline', 'of stop');
      this.stopping ??= this.windDown(deadline);
      return this.stopping;
    });
  }

  private async windDown(deadline: number): Promise<StopReport> {
    const end = performance.now() + deadline;
    const { system } = this;
    const before = system?.handled ?? 0;
    await system?.drain(deadline);
    const left = Math.max(0, Math.min(end - performance.now(), 2 ** 31 - 1));
    const report = await this.close({ deadline: left });
    const handled = (system?.handled ?? 0) - before;
    return { ...report, handled, aborted: system?.aborted ?? 0 };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close().then(() => {});
  }

  private async shutDown(deadline: number): Promise<CloseReport> {
    const { carriers, registry } = this.parts;
    // Until its actors have ended, they may go on sending and asking.
    this.settling = this.system !== null;
    await this.system?.close(deadline);
    this.settling = false;
    await this.selecting.close((selection) => (selection as Selection).withdrawn());
    const unsent = await this.handles.finish();
    const undelivered = (await Promise.all(carriers.map((carrier) => carrier.close(deadline)))).flat();
    await registry.leave();
    await Promise.all(carriers.map((carrier) => carrier.end()));
    await this.parts.end();
    this.removeAllListeners();
    return { undelivered, unsent };
  }

  /** @internal nothing may be begun any more */
  get closed(): boolean {
    return this.closing !== null && !this.settling;
  }

  private checkOpen(): void {
    if (this.closed) throw this.closedError();
  }

  /** @internal */
  closedError(): PigeonholeError {
    return new PigeonholeError('ERR_CLOSED', `runtime '${this.name}' is closed`, { address: this.name });
  }
}

/** Runs `start`; what it throws becomes a rejection. */
function promised<T>(start: () => Promise<T>): Promise<T> {
  try {
    return start();
  } catch (error) {
    return Promise.reject(error);
  }
}
