import { checkOptions } from '../call-options.js';
import { PigeonholeError } from '../errors.js';
import type { PeerEvent } from '../events.js';
import type { Message } from '../message.js';
import type { ActorRuntime } from './actor-runtime.js';
import { Announcing } from './announcing.js';
import { Arrivals } from './arrivals.js';
import { Asks } from './asks.js';
import { type Clock, systemClock, within } from './clock.js';
import { ControlLine } from './control.js';
import { DeadLetters } from './dead-letters.js';
import { Deadlines } from './deadlines.js';
import { checkInstances, checkSpread, isActorDefinition } from './define.js';
import { Incoming } from './incoming.js';
import { type Child, LocalActor, type Parent } from './local-actor.js';
import { checkTime, optionError } from './option-error.js';
import { PlacedPool } from './placed-pool.js';
import { PlacedActor } from './placement.js';
import { poolOf, type Share } from './pool.js';
import type { Reading } from './reading.js';
import { Line, makeOwnRef, makeRef, type Origin } from './ref.js';
import { Topics } from './topic.js';
import { tellTurn } from './turn.js';
import type { ActorDefinition, ActorRef, SpawnedActor, SpawnOptions } from './types.js';
import { Watches } from './watch.js';

const SPAWN_OPTIONS = ['name', 'instances', 'placement', 'spread', 'module'];

/** So many of the processes that ended are remembered: what they asked may still be on its way. */
const REMEMBERED = 1024;

/** What one actor that is served here has done so far. */
export interface ActorStatus {
  readonly name: string;
  readonly instances: number;
  readonly handled: number;
  /** Turns that threw, refusals not counted. */
  readonly failed: number;
  /** Messages whose caller had given up before their turn, or while it went on. */
  readonly skipped: number;
  readonly restarts: number;
}

/** The actors of one runtime: those served here, and what goes on with those elsewhere. Made at first use. */
export class ActorSystem {
  readonly incarnation: string;
  readonly deadlines: Deadlines;
  readonly control: ControlLine;
  readonly asks: Asks;
  readonly watches: Watches;
  readonly deadLetters: DeadLetters;
  readonly topics: Topics;
  readonly incoming: Incoming;
  readonly announcing: Announcing;
  readonly arrivals = new Arrivals();
  /** Streams that are read here. */
  readonly readings = new Map<number, Reading>();
  private readonly lines = new Map<string, Line>();
  private readonly actors = new Map<string, LocalActor>();
  private readonly placed = new Map<string, Child>();
  private readonly starting = new Set<string>();
  private readonly dead = new Set<string>();
  private abortedCount = 0;
  private handledCount = 0;
  private lastId = 0;
  private closing: PigeonholeError | null = null;
  /** An actor without a parent has failed for good. */
  onFailed: ((actor: string, error: unknown) => void) | null = null;

  constructor(
    readonly runtime: ActorRuntime,
    readonly clock: Clock = systemClock,
  ) {
    this.incarnation = runtime.incarnation;
    this.deadlines = new Deadlines(clock);
    this.incoming = new Incoming(this);
    this.announcing = new Announcing(runtime);
    this.control = new ControlLine(
      runtime,
      (from, body) => this.incoming.take(from, body),
      (incarnation) => this.isDead(incarnation),
    );
    this.asks = new Asks(this);
    this.watches = new Watches(this);
    this.deadLetters = new DeadLetters(this);
    this.topics = new Topics(this);
    this.open();
  }

  /** What waits for replies fails with whatever keeps them from arriving. */
  private open(): void {
    this.control.open().catch((error: PigeonholeError) => {
      this.runtime.warn(error);
      this.failWaiting(error);
    });
  }

  nextId(): number {
    return ++this.lastId;
  }

  nameOf(incarnation: string): string {
    if (incarnation === this.incarnation) return this.runtime.name;
    return this.runtime.peers().find((peer) => peer.incarnation === incarnation)?.name ?? incarnation;
  }

  // --- references

  line(name: string): Line {
    let line = this.lines.get(name);
    if (line === undefined) {
      line = new Line(name, this);
      this.lines.set(name, line);
    }
    return line;
  }

  ref(name: string, origin: Origin = { actor: null, trace: null }): ActorRef {
    return makeRef(name, this, origin);
  }

  // --- actors served here

  actor(name: string): LocalActor | undefined {
    return this.actors.get(name);
  }

  unwatch(watcher: string, id: number): void {
    for (const actor of this.actors.values()) actor.unwatch(watcher, id);
  }

  status(): ActorStatus[] {
    return [...this.actors.values()].map(({ name, size, counts, restarts }) => {
      const { handled, failed, skipped } = counts;
      return { name, instances: size, handled, failed, skipped, restarts };
    });
  }

  async start(
    definition: ActorDefinition,
    args: unknown,
    options: SpawnOptions,
    parent: Parent | null,
    share: Share = { index: 0, of: 1 },
  ): Promise<Child> {
    if (this.closing !== null) throw this.closing;
    if (!isActorDefinition(definition))
      throw optionError('definition', 'of spawn', definition, 'what defineActor returns');
    checkOptions(options, SPAWN_OPTIONS, `spawn of actor '${definition.name}'`);
    const { name = definition.name, placement = 'here', spread } = options;
    if (!['here', 'thread', 'process'].includes(placement))
      throw optionError('placement', `of actor '${name}'`, placement, "'here', 'thread', 'process'");
    const { spec } = definition;
    const instances = checkInstances(options.instances ?? spec.instances, spec.routing, `of actor '${name}'`);
    const parts = checkSpread(spread, placement, instances, `of actor '${name}'`);
    if (this.actors.has(name) || this.placed.has(name) || this.starting.has(name))
      throw new PigeonholeError(
        'ERR_IN_USE',
        `process '${this.runtime.name}' serves actor '${name}' already; for more instances give 'instances', or another name`,
        { address: name },
      );
    this.starting.add(name);
    try {
      await this.control.open();
      await this.deadLetters.open();
      if (placement === 'here') {
        const pool = poolOf(instances, share);
        return await this.startHere(new LocalActor(this, definition, name, args, pool, parent));
      }
      const place = { system: this, definition, name, args, options };
      return await this.startElsewhere(
        parts === 1 ? new PlacedActor(place, parent) : new PlacedPool(place, parts, parent),
      );
    } finally {
      this.starting.delete(name);
    }
  }

  private async startHere(actor: LocalActor): Promise<LocalActor> {
    await actor.start();
    if (this.closing !== null) {
      await actor.stop(0);
      throw this.closing;
    }
    this.actors.set(actor.name, actor);
    return actor;
  }

  private async startElsewhere(actor: PlacedActor | PlacedPool): Promise<Child> {
    await actor.start();
    if (this.closing !== null) {
      await actor.stop(0);
      throw this.closing;
    }
    this.placed.set(actor.name, actor);
    return actor;
  }

  /** The handle that `spawn` resolves with. */
  spawned(child: Child): SpawnedActor {
    return makeOwnRef(child.name, this, async (options = {}) => {
      checkOptions(options, ['deadline'], `stop of actor '${child.name}'`);
      const { deadline = 5_000 } = options;
      await child.stop(checkTime(deadline, 'deadline', `of actor '${child.name}'`));
    });
  }

  ended(actor: Child): void {
    if (actor instanceof LocalActor) {
      this.abortedCount += actor.counts.aborted;
      this.handledCount += actor.counts.handled;
    }
    if (this.actors.get(actor.name) === actor) this.actors.delete(actor.name);
    if (this.placed.get(actor.name) === actor) this.placed.delete(actor.name);
  }

  failed(actor: string, error: unknown): void {
    this.runtime.logger.error({ err: error, actor }, `actor '${actor}' has failed for good`);
    this.onFailed?.(actor, error);
  }

  /** What lay in an actor's mailbox and is no actor message. */
  strange(message: Message<unknown>, actor: string): void {
    const turn = tellTurn('?', message.body, message.from, this);
    const error = new PigeonholeError('ERR_FRAME', `a message from '${message.from}' is no actor message`, {
      address: actor,
    });
    this.deadLetters.add(turn, actor, 'unhandled', error);
  }

  // --- what comes from other runtimes

  /** A process has come. */
  peerUp({ incarnation }: PeerEvent): void {
    this.incoming.peerUp();
    this.topics.peerUp(incarnation);
  }

  /** A process has left or died. */
  peerDown({ incarnation, name: process }: PeerEvent): void {
    this.bury(incarnation);
    this.control.down(incarnation);
    this.topics.peerDown(incarnation);
    this.asks.down(incarnation, process);
    for (const reading of [...this.readings.values()]) reading.down(incarnation, process);
    this.watches.down(incarnation);
    for (const actor of this.actors.values()) actor.watcherDown(incarnation);
    this.incoming.peerDown(incarnation, process);
  }

  private bury(incarnation: string): void {
    this.dead.add(incarnation);
    if (this.dead.size > REMEMBERED)
      for (const oldest of [...this.dead].slice(0, 1)) this.dead.delete(oldest);
  }

  /** Whether the runtime of that incarnation is known to have ended: none comes back. */
  isDead(incarnation: string): boolean {
    return this.dead.has(incarnation);
  }

  /** The process that hosted a mailbox died. */
  mailboxLost({ mailbox, host }: { mailbox: string; host: string }): void {
    this.asks.lost(mailbox, host);
    for (const reading of [...this.readings.values()]) reading.lost(mailbox, host);
    this.watches.lost(mailbox);
  }

  // --- the end

  /** Lets every actor take what was sent before now, for so many milliseconds at most. All go on serving one another. */
  async drain(deadline: number): Promise<void> {
    const wall = this.clock.wall();
    await within(Promise.all([...this.actors.values()].map((actor) => actor.drain(wall))), deadline);
  }

  /** Messages handled since the beginning, by actors that have ended too. */
  get handled(): number {
    return [...this.actors.values()].reduce((sum, { counts }) => sum + counts.handled, this.handledCount);
  }

  /** Turns that were ended before they were through. */
  get aborted(): number {
    return this.abortedCount;
  }

  private failWaiting(error: PigeonholeError): void {
    this.asks.close(error);
    for (const reading of [...this.readings.values()]) reading.close(error);
    this.watches.close(error);
  }

  /** Stops every actor, then settles whatever waits. */
  async close(deadline: number): Promise<void> {
    this.closing ??= new PigeonholeError('ERR_CLOSED', `runtime '${this.runtime.name}' is closed`, {
      address: this.runtime.name,
    });
    await Promise.all(
      [...this.placed.values(), ...this.actors.values()].map((actor) => actor.stop(deadline)),
    );
    await within(
      this.deadLetters.flush().then(() => this.control.flush()),
      deadline,
    );
    this.failWaiting(this.closing);
    this.deadlines.close();
    await this.control.close();
  }
}
