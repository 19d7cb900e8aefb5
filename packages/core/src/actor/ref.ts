import { type MailboxAddress, mailbox } from '../address.js';
import { PigeonholeError } from '../errors.js';
import type { Sender, SendOptions } from '../mailbox.js';
import { checkTime, optionError } from './option-error.js';
import { slotOf } from './pool.js';
import { type Headers, isTraceparent, Request } from './protocol.js';
import { Reading } from './reading.js';
import type { ActorSystem } from './system.js';
import { channels, type SendEvent } from './tracing.js';
import type { ActorRef, AskOptions, StreamOptions, TellOptions, TraceContext } from './types.js';

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

  /** `options` is the line's from now on. */
  send(
    body: unknown,
    options: SendOptions,
    key: string | undefined,
    wait: boolean | undefined,
  ): Promise<void> {
    try {
      this.sender ??= this.system.runtime.senderSoon(this.address);
    } catch (error) {
      return Promise.reject(error); // the runtime is closed
    }
    options.type = slotOf(key, this.turn++);
    if (wait !== false) return this.sender.send(body, options);
    return this.sender.trySend(body, options).then((accepted) => {
      if (!accepted) throw this.notReached();
    });
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
    private readonly line: Line,
    private readonly origin: Origin,
  ) {}

  get name(): string {
    return this.line.name;
  }

  send(
    body: unknown,
    options: SendOptions,
    key: string | undefined,
    wait: boolean | undefined,
  ): Promise<void> {
    return this.line.send(body, options, key, wait);
  }

  obstacle(): string {
    return this.line.obstacle();
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

/** A reference: properties that are functions, made at first use. */
export function makeRef(line: Line, system: ActorSystem, origin: Origin): ActorRef {
  const route = new Route(line, origin);
  return {
    name: line.name,
    tell: verbs(
      (handler) =>
        (arg: unknown, options: TellOptions = {}) =>
          tell(route, handler, arg, options),
    ),
    ask: verbs(
      (handler) =>
        (arg: unknown, options: AskOptions = {}) =>
          system.asks.ask(route, handler, arg, options),
    ),
    stream: verbs((handler) => (arg: unknown, options: StreamOptions = {}) => {
      if (options.timeout !== undefined) checkTime(options.timeout, 'timeout', `of ${line.name}.${handler}`);
      return new Reading(system, route, handler, arg, options);
    }),
  } as unknown as ActorRef;
}

async function tell(route: Route, handler: string, arg: unknown, options: TellOptions): Promise<void> {
  const { timeout, signal, key, wait, trace } = options;
  const body = [Request.tell, handler, arg, route.headers(trace, handler, 'tell', arg)];
  const waiting: SendOptions = {};
  if (timeout !== undefined) waiting.timeout = timeout;
  if (signal !== undefined) waiting.signal = signal;
  await route.send(body, waiting, key, wait);
  route.accepted(handler);
}

function verbs<F>(make: (handler: string) => F): Record<string, F> {
  const made = new Map<string, F>();
  return new Proxy(Object.create(null) as Record<string, F>, {
    get(_target, handler) {
      if (typeof handler !== 'string') return undefined;
      let verb = made.get(handler);
      if (verb === undefined) {
        verb = make(handler);
        made.set(handler, verb);
      }
      return verb;
    },
  });
}
