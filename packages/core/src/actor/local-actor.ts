import type PQueue from 'p-queue';
import { type MailboxAddress, mailbox } from '../address.js';
import { PigeonholeError } from '../errors.js';
import type { Message } from '../message.js';
import type { Receiver } from '../receiver.js';
import { Cell } from './cell.js';
import type { DeadLetter } from './dead-letters.js';
import { type Pool, slotsOf } from './pool.js';
import { type ActorRequest, Control, parseRequest, Request } from './protocol.js';
import type { ActorSystem } from './system.js';
import type { Turn } from './turn.js';
import type { ActorDefinition, ErasedSpec } from './types.js';
import { Watchers } from './watch.js';

/** What a parent has of a child, wherever it runs. */
export interface Child {
  readonly name: string;
  stop(deadline: number): Promise<void>;
  restart(delay: number): void;
}

/** What a child has of its parent. */
export interface Parent {
  crashed(error: unknown): void;
  childRestarts(name: string, delay: number): void;
  childEnded(name: string): void;
}

/** One actor served by this runtime: its instances, and who watches it. */
export class LocalActor implements Child {
  readonly spec: ErasedSpec;
  readonly counts = { handled: 0, failed: 0, skipped: 0, aborted: 0 };
  private ownWatchers: Watchers | null = null;
  private cells: readonly Cell[] = [];
  private receivers: readonly Receiver<unknown>[] = [];
  private over = false;
  private stopping: Promise<void> | null = null;

  constructor(
    readonly system: ActorSystem,
    definition: ActorDefinition,
    readonly name: string,
    readonly args: unknown,
    private readonly pool: Pool,
    readonly parent: Parent | null,
  ) {
    this.spec = definition.spec;
  }

  get watchers(): Watchers {
    this.ownWatchers ??= new Watchers(this.system);
    return this.ownWatchers;
  }

  get address(): MailboxAddress<unknown> {
    const { capacity } = this.spec;
    return mailbox(this.name, capacity === undefined ? {} : { capacity });
  }

  get restarts(): number {
    return this.cells.reduce((sum, cell) => sum + cell.restartCount, 0);
  }

  get size(): number {
    return this.cells.length;
  }

  /** Makes every instance's state, then opens the mailbox. A rejected start leaves nothing behind. */
  async start(): Promise<void> {
    const { routing, concurrency } = this.spec;
    const cells: Cell[] = [];
    const receivers: Receiver<unknown>[] = [];
    [this.cells, this.receivers] = [cells, receivers];
    try {
      const { count, here } = this.pool;
      for (const instance of here) {
        const types = routing === 'key' && count > 1 ? slotsOf(instance, count) : undefined;
        const cell = new Cell(this, types, await limiter(concurrency));
        cells.push(cell);
        await cell.start();
      }
      for (const _ of cells) receivers.push(await this.system.runtime.receiver(this.address));
      // Without the room for more that they have grown.
      [this.cells, this.receivers] = [cells.slice(), receivers.slice()];
    } catch (error) {
      this.over = true;
      await Promise.all(this.cells.map((cell) => cell.stop(0)));
      await Promise.all(this.receivers.map((receiver) => receiver.close()));
      throw error;
    }
    this.cells.forEach((cell, index) => {
      cell.serve(this.receivers[index] as Receiver<unknown>);
    });
  }

  /** An actor's message, or null: what is none is a dead letter, what is a watch is dealt with. */
  read(message: Message<unknown>): ActorRequest | null {
    const request = parseRequest(message.body);
    if (request === null) {
      this.system.strange(message, this.name);
      return null;
    }
    if (request.kind !== Request.watch) return request;
    this.watched(request.replyTo, request.id);
    this.system.control.post(request.replyTo, [Control.watching, request.id, this.system.incarnation]);
    return null;
  }

  watched(incarnation: string, id: number): void {
    this.watchers.add(incarnation, id);
  }

  unwatch(incarnation: string, id: number): void {
    this.watchers.delete(incarnation, id);
  }

  watcherDown(incarnation: string): void {
    this.ownWatchers?.down(incarnation);
  }

  unhandled(turn: Turn): undefined {
    const { handler } = turn.request;
    const known = Object.keys(this.spec.handlers).join(', ') || 'none';
    const error = new PigeonholeError(
      'ERR_UNSUPPORTED',
      `actor '${this.name}' has no handler '${handler}'; it has: ${known}`,
      { address: this.name },
    );
    turn.refuse(error);
    this.deadLetter(turn, 'unhandled', error);
  }

  /** A stream was asked for a reply, or the other way round. */
  mistaken(turn: Turn, isStream: boolean): PigeonholeError {
    const what = isStream ? 'is a stream; use ref.stream' : 'yields no stream; use ref.ask';
    const message = `handler '${turn.request.handler}' of actor '${this.name}' ${what}`;
    const error = new PigeonholeError('ERR_UNSUPPORTED', message, { address: this.name });
    this.deadLetter(turn, 'unhandled', error);
    return error;
  }

  deadLetter(turn: Turn, reason: DeadLetter['reason'], error: unknown): void {
    if (turn.request.handler !== '') this.system.deadLetters.add(turn, this.name, reason, error);
  }

  /** An instance has ended by itself; with `error`, because it failed. The last one takes the actor along. */
  cellEnded(error: unknown): void {
    if (this.over || this.cells.some((cell) => !cell.ended)) return;
    void this.stop(0, error);
  }

  /** It has failed for good, and its parent with it. */
  escalate(error: unknown): void {
    if (this.over) return;
    void this.stop(0, error);
    if (this.parent === null) this.system.failed(this.name, error);
    else this.parent.crashed(error);
  }

  restart(delay: number): void {
    for (const cell of this.cells) void cell.restart(delay);
  }

  drain(wall: number): Promise<unknown> {
    return Promise.all(this.cells.map((cell) => cell.drain(wall)));
  }

  stop(deadline: number, error?: unknown): Promise<void> {
    this.over = true;
    this.stopping ??= this.shutDown(deadline, error);
    return this.stopping;
  }

  private async shutDown(deadline: number, error: unknown): Promise<void> {
    await Promise.all(this.cells.map((cell) => cell.stop(deadline)));
    this.system.ended(this);
    this.parent?.childEnded(this.name);
    this.watchers.tell(error === undefined ? 'stopped' : 'crashed', error, this.name);
  }
}

/** Only an actor that does several things at a time loads it. */
async function limiter(concurrency: number): Promise<PQueue | null> {
  if (concurrency === 1) return null;
  const { default: Queue } = await import('p-queue');
  return new Queue({ concurrency });
}
