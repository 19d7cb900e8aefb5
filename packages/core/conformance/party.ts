/** One runtime of a test, wherever it runs, with the verbs of the public surface. */

import type { Message } from '../src/message.js';
import type { Consumed, Produced } from './accounting.js';
import type { Operation, Usage } from './executor.js';
import {
  type ReceiveExtras,
  ReceiverHandle,
  RunningLoop,
  receiveBy,
  type SendExtras,
  SenderHandle,
  sendBy,
  unsigned,
} from './handles.js';
import type { ConsumeOrder, ProduceOrder } from './loops.js';
import type { Agent, Departure } from './spawn.js';
import type {
  AddressSpec,
  CallOptions,
  CloseReport,
  EventName,
  Explanation,
  Place,
  RuntimeEvents,
} from './surface.js';
import type { Watchdog } from './watchdog.js';
import type { Wire } from './wire.js';

/** What ends when the test wants it to. */
const endless: readonly string[] = ['report', 'block'];

export class Party {
  readonly events: { event: EventName; payload: unknown }[] = [];
  ended = false;
  private stopped = false;

  constructor(
    readonly name: string,
    readonly place: Place,
    private readonly wire: Wire,
    readonly agent: Agent | null,
    private readonly watchdog: Watchdog,
  ) {}

  get pid(): number {
    return this.agent?.pid ?? process.pid;
  }

  /** Carries out one operation there. Calls that a test lets wait on purpose have three times the watchdog's patience. */
  call<T>(operation: Operation, options: CallOptions = {}): Promise<T> {
    const outcome = this.wire.call(operation, options.signal) as Promise<T>;
    const watched = endless.includes(operation.op)
      ? outcome
      : this.watchdog.within(outcome, `${operation.op} by ${this.name}`, 3 * this.watchdog.limit);
    // A test that fails elsewhere leaves calls behind that nobody awaits any more.
    watched.catch(() => undefined);
    return watched;
  }

  send(to: AddressSpec, body: unknown, options: SendExtras = {}): Promise<void> {
    return sendBy(this, { address: to }, 'send', body, options) as Promise<void>;
  }

  trySend(to: AddressSpec, body: unknown, options: SendExtras = {}): Promise<boolean> {
    return sendBy(this, { address: to }, 'trySend', body, options) as Promise<boolean>;
  }

  receive(from: AddressSpec, options: ReceiveExtras = {}): Promise<Message> {
    return receiveBy(this, { address: from }, 'receive', options) as Promise<Message>;
  }

  tryReceive(from: AddressSpec, options: ReceiveExtras = {}): Promise<Message | null> {
    return receiveBy(this, { address: from }, 'tryReceive', options);
  }

  select(
    sources: readonly AddressSpec[],
    options: CallOptions = {},
  ): Promise<{ index: number; message: Message }> {
    return this.call({ op: 'select', sources, options: unsigned(options) }, options);
  }

  async sender(to: AddressSpec): Promise<SenderHandle> {
    return new SenderHandle(this, await this.call({ op: 'sender', address: to }));
  }

  async receiver(from: AddressSpec): Promise<ReceiverHandle> {
    return new ReceiverHandle(this, await this.call({ op: 'receiver', address: from }));
  }

  explain(address: AddressSpec): Promise<Explanation> {
    return this.call({ op: 'explain', address });
  }

  usage(): Promise<Usage> {
    return this.call({ op: 'usage' });
  }

  async produce(order: ProduceOrder): Promise<RunningLoop<Produced>> {
    return new RunningLoop(this, await this.call({ op: 'produce', order }));
  }

  async consume(order: ConsumeOrder): Promise<RunningLoop<Consumed>> {
    return new RunningLoop(this, await this.call({ op: 'consume', order }));
  }

  /** Waits until this runtime has reported `event` with a payload that matches; earlier reports count. */
  event<E extends EventName>(
    event: E,
    matches: (payload: RuntimeEvents[E]) => boolean,
    what: string,
  ): Promise<RuntimeEvents[E]> {
    return this.watchdog.until(
      () => this.seen(event).find(matches),
      `${event} of ${what} at ${this.name}`,
    ) as Promise<RuntimeEvents[E]>;
  }

  seen<E extends EventName>(event: E): RuntimeEvents[E][] {
    return this.events
      .filter((entry) => entry.event === event)
      .map(({ payload }) => payload as RuntimeEvents[E]);
  }

  /** `runtime.close()`. */
  async close(options?: { deadline?: number }): Promise<CloseReport> {
    const report = await this.call<CloseReport>({
      op: 'shutdown',
      ...(options === undefined ? {} : { options }),
    });
    this.ended = this.agent === null;
    return report;
  }

  /** Lets the process or thread end by itself. */
  async leave(): Promise<Departure | null> {
    if (this.agent === null) return null;
    this.agent.leave();
    const departure = await this.watchdog.within(this.agent.gone, `${this.name} to exit by itself`);
    this.ended = true;
    return departure;
  }

  /** SIGKILL; a thread is terminated. Resolves once it is reaped. */
  async kill(): Promise<void> {
    if (this.agent === null) throw new Error('a runtime in the test’s own process cannot be killed');
    this.agent.kill('SIGKILL');
    await this.watchdog.within(this.agent.gone, `${this.name} to be reaped after SIGKILL`);
    this.ended = true;
  }

  stop(): void {
    this.agent?.kill('SIGSTOP');
    this.stopped = true;
  }

  resume(): void {
    if (this.stopped) this.agent?.kill('SIGCONT');
    this.stopped = false;
  }
}
