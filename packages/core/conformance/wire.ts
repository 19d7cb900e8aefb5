/**
 * How the suite reaches a runtime: directly, or by messages to an agent. Over the latter, errors, abort signals and events
 * arrive as if the runtime were here.
 */
import { type ErrorCode, errorCodes, PigeonholeError } from '../src/errors.js';
import { Executor, type Operation } from './executor.js';
import { Resources } from './resources.js';
import type { CreateRuntime, EventName } from './surface.js';

export interface Wire {
  call(operation: Operation, signal?: AbortSignal): Promise<unknown>;
}

/** What travels to an agent. */
export type Request =
  | { id: number; operation: Operation; signal: 'none' | 'live' | 'aborted' }
  | { abort: number }
  | { renew: true }
  | { leave: true }
  | { exit: true };

/** What an agent answers. `aborted`: the call rejected with its signal's own reason, which only the caller has. */
export type Reply =
  | { ready: true }
  | { renewed: true }
  | { id: number; result: unknown }
  | { id: number; error: FlatError }
  | { id: number; aborted: true }
  | { event: EventName; payload: unknown };

export interface FlatError {
  name: string;
  message: string;
  stack: string | undefined;
  code: string | undefined;
  details: Record<string, unknown>;
}

export function flatten(error: unknown): FlatError {
  const { name, message, stack, code, errno, transport, address, accepted } = error as PigeonholeError;
  const details = { errno, transport, address, accepted };
  const branded = error instanceof PigeonholeError;
  return {
    name: branded ? 'PigeonholeError' : String(name),
    message: String(message ?? error),
    stack,
    code,
    details,
  };
}

export function unflatten(flat: FlatError): Error {
  const known = flat.name === 'PigeonholeError' && errorCodes.includes(flat.code as ErrorCode);
  const error = known
    ? new PigeonholeError(flat.code as ErrorCode, flat.message, flat.details)
    : new Error(flat.message);
  if (!known) Object.assign(error, { name: flat.name, code: flat.code });
  if (flat.stack !== undefined) error.stack = flat.stack;
  return error;
}

export class LocalWire implements Wire {
  private readonly executor: Executor;
  constructor(createRuntime: CreateRuntime, onEvent: (event: EventName, payload: unknown) => void) {
    this.executor = new Executor(createRuntime, onEvent);
  }

  call(operation: Operation, signal?: AbortSignal): Promise<unknown> {
    return this.executor.execute(operation, signal);
  }
}

/** An executor whose events are posted, and no longer once it is not `current` any more. */
function reporting(
  createRuntime: CreateRuntime,
  post: (reply: Reply) => void,
  current: () => Executor,
): Executor {
  const executor: Executor = new Executor(createRuntime, (event, payload) => {
    const plain = payload instanceof Error ? { message: payload.message } : payload;
    if (executor === current()) post({ event, payload: plain });
  });
  return executor;
}

/** The agent's end: executes each request and answers it. */
export function serve(
  createRuntime: CreateRuntime,
  post: (reply: Reply) => void,
): (request: Request) => void {
  const make = (): Executor => reporting(createRuntime, post, () => executor);
  let executor: Executor = make();
  let before: Resources | undefined; // once the agent listens, which is what keeps it alive
  const renew = async () => {
    executor = make();
    await before?.untilNoMore();
    post({ renewed: true });
  };
  const controllers = new Map<number, AbortController>();
  const answer = async (id: number, operation: Operation, controller: AbortController | undefined) => {
    try {
      post({ id, result: await executor.execute(operation, controller?.signal) });
    } catch (error) {
      if (controller?.signal.aborted && error === controller.signal.reason) post({ id, aborted: true });
      else post({ id, error: flatten(error) });
    } finally {
      controllers.delete(id);
    }
  };
  return (request) => {
    before ??= new Resources();
    if ('renew' in request) void renew();
    else if ('abort' in request) controllers.get(request.abort)?.abort(new Error('aborted by the suite'));
    else if ('id' in request) {
      const controller = request.signal === 'none' ? undefined : new AbortController();
      if (controller !== undefined) controllers.set(request.id, controller);
      if (request.signal === 'aborted') controller?.abort(new Error('aborted by the suite'));
      void answer(request.id, request.operation, controller);
    }
  };
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: unknown): void;
  signal: AbortSignal | undefined;
  unlisten(): void;
}

/** The suite's end of an agent. */
export class RemoteWire implements Wire {
  private readonly waiting = new Map<number, Waiting>();
  private next = 1;
  private gone: Error | undefined;
  private renewal: { resolve(): void; reject(error: Error): void } | undefined;

  constructor(
    private readonly post: (request: Request) => void,
    private onEvent: (event: EventName, payload: unknown) => void,
  ) {}

  /** From now on the agent has this one's runtime. */
  serve(onEvent: (event: EventName, payload: unknown) => void): void {
    this.onEvent = onEvent;
  }

  /** The runtime there is closed: resolves once nothing of it keeps the agent alive, which can then have another. */
  renew(): Promise<void> {
    this.onEvent = () => undefined;
    return new Promise((resolve, reject) => {
      if (this.gone !== undefined) return reject(this.gone);
      this.renewal = { resolve, reject };
      this.post({ renew: true });
    });
  }

  call(operation: Operation, signal?: AbortSignal): Promise<unknown> {
    if (this.gone !== undefined) return Promise.reject(this.gone);
    const id = this.next++;
    return new Promise((resolve, reject) => {
      const abort = () => this.gone === undefined && this.post({ abort: id });
      this.waiting.set(id, {
        resolve,
        reject,
        signal,
        unlisten: () => signal?.removeEventListener('abort', abort),
      });
      this.post({
        id,
        operation,
        signal: signal === undefined ? 'none' : signal.aborted ? 'aborted' : 'live',
      });
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  handle(reply: Reply): void {
    if ('event' in reply) return this.onEvent(reply.event, reply.payload);
    if ('renewed' in reply) return this.renewal?.resolve();
    if (!('id' in reply)) return;
    const waiting = this.waiting.get(reply.id);
    if (waiting === undefined) return;
    this.waiting.delete(reply.id);
    waiting.unlisten();
    if ('aborted' in reply) waiting.reject(waiting.signal?.reason);
    else if ('error' in reply) waiting.reject(unflatten(reply.error));
    else waiting.resolve(reply.result);
  }

  /** The agent is gone: everything under way rejects with `error`. */
  end(error: Error): void {
    this.gone = error;
    this.renewal?.reject(error);
    for (const { reject, unlisten } of this.waiting.values()) {
      unlisten();
      reject(error);
    }
    this.waiting.clear();
  }
}
