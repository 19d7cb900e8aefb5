/**
 * Carries out the suite's operations on one runtime. The same code runs in the test's own process and, behind `agent.ts`, in a
 * worker thread or another process, so that a rule is written once for all three.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Consumed, Produced } from './accounting.js';
import { digestOf, makeAddress, makeBody, mutateDeep } from './fixtures.js';
import { Lending, type LendingOperation } from './lending.js';
import { type ConsumeOrder, consume, type Loop, type ProduceOrder, produce } from './loops.js';
import type {
  AddressSpec,
  CallOptions,
  CreateRuntime,
  EventName,
  ReceiveOptions,
  ReceiverUnderTest,
  RuntimeSettings,
  RuntimeUnderTest,
  SenderUnderTest,
  SendOptions,
} from './surface.js';
import { eventNames } from './surface.js';

/** Where an operation goes: an open handle by its number, or the runtime itself with an address. */
export type Target = { handle: number } | { address: AddressSpec };

export type Operation =
  | { op: 'create'; settings: RuntimeSettings }
  | { op: 'sender' | 'receiver'; address: AddressSpec }
  | {
      op: 'send' | 'trySend' | 'sendSync' | 'trySendSync';
      target: Target;
      body: unknown;
      options?: SendOptions;
      mutate?: boolean;
    }
  | { op: 'sendMany'; target: Target; bodies: readonly unknown[]; options?: SendOptions }
  | {
      op: 'receive' | 'tryReceive' | 'receiveSync' | 'tryReceiveSync';
      target: Target;
      options?: ReceiveOptions;
      digest?: boolean;
    }
  | { op: 'receiveMany'; target: Target; max: number; options?: ReceiveOptions }
  | { op: 'iterate'; target: Target; count: number }
  | { op: 'select'; sources: readonly AddressSpec[]; options?: CallOptions }
  | { op: 'explain'; address: AddressSpec }
  | { op: 'close'; target: Target; twice?: boolean; dispose?: boolean }
  | { op: 'shutdown'; options?: { deadline?: number } }
  | { op: 'produce'; order: ProduceOrder }
  | { op: 'consume'; order: ConsumeOrder }
  | { op: 'progress' | 'report' | 'stop'; loop: number }
  | { op: 'block'; until: string; then?: { address: AddressSpec; body: unknown } }
  | (LendingOperation & { target: Target })
  | { op: 'usage' };

export interface Usage {
  rss: number;
  external: number;
  /** Open descriptors of the process; -1 where /proc is absent. */
  descriptors: number;
  /** Whether something gave every object a property `polluted`. */
  polluted: boolean;
}

export class Executor {
  private runtime: RuntimeUnderTest | undefined;
  private readonly handles = new Map<number, SenderUnderTest | ReceiverUnderTest>();
  private readonly loops = new Map<number, Loop<Produced | Consumed>>();
  private readonly lending = new Lending();
  private next = 1;

  constructor(
    private readonly createRuntime: CreateRuntime,
    private readonly report: (event: EventName, payload: unknown) => void,
  ) {}

  /** `signal` is the abort signal of this call, whatever its operation; it joins the options of those that take one. */
  async execute(operation: Operation, signal?: AbortSignal): Promise<unknown> {
    switch (operation.op) {
      case 'create':
        return this.create(operation.settings);
      case 'sender':
      case 'receiver':
        return this.open(operation.op, operation.address);
      case 'send':
      case 'trySend':
      case 'sendSync':
      case 'trySendSync':
        return this.send(operation, signal);
      case 'sendMany':
        return this.senderOf(operation.target).sendMany(
          operation.bodies.map(makeBody),
          withSignal(operation.options, signal),
        );
      case 'receive':
      case 'tryReceive':
      case 'receiveSync':
      case 'tryReceiveSync':
        return this.receive(operation, signal);
      case 'receiveMany':
        return this.receiverOf(operation.target).receiveMany(
          operation.max,
          withSignal(operation.options, signal),
        );
      case 'iterate':
        return this.iterate(this.receiverOf(operation.target), operation.count);
      case 'select':
        return this.select(operation.sources, withSignal(operation.options, signal));
      case 'explain':
        return this.live.explain(makeAddress(operation.address) as never);
      case 'close':
        return this.close(operation);
      case 'shutdown':
        return this.live.close(operation.options);
      case 'loan':
        return this.lending.loan(this.senderOf(operation.target), operation.size, operation.seed);
      case 'commit':
        return this.lending.commit(operation.loan, operation.verb, withSignal(operation.options, signal));
      case 'lent':
        return this.lending.lent(operation.loan);
      case 'borrow':
        return this.lending.borrow(
          this.receiverOf(operation.target),
          withSignal(operation.options, signal),
          operation,
        );
      case 'block':
        return this.block(operation);
      case 'usage':
        return usage();
      default:
        return this.loop(operation);
    }
  }

  private get live(): RuntimeUnderTest {
    if (this.runtime === undefined) throw new Error('no runtime was created here');
    return this.runtime;
  }

  private async create(settings: RuntimeSettings): Promise<void> {
    this.runtime = await this.createRuntime(settings);
    for (const event of eventNames) this.runtime.on(event, (payload: unknown) => this.report(event, payload));
  }

  private async open(end: 'sender' | 'receiver', spec: AddressSpec): Promise<number> {
    const address = makeAddress(spec) as never;
    const handle = end === 'sender' ? await this.live.sender(address) : await this.live.receiver(address);
    this.handles.set(this.next, handle);
    return this.next++;
  }

  private handleOf(target: Target): SenderUnderTest | ReceiverUnderTest {
    const handle = 'handle' in target ? this.handles.get(target.handle) : undefined;
    if (handle === undefined) throw new Error('this operation needs an open handle');
    return handle;
  }

  private senderOf(target: Target): SenderUnderTest {
    return this.handleOf(target) as SenderUnderTest;
  }

  private receiverOf(target: Target): ReceiverUnderTest {
    return this.handleOf(target) as ReceiverUnderTest;
  }

  private async send(
    operation: Operation & { op: 'send' | 'trySend' | 'sendSync' | 'trySendSync' },
    signal?: AbortSignal,
  ) {
    const body = makeBody(operation.body);
    const options = withSignal(operation.options, signal);
    const { op, target } = operation;
    let result: unknown;
    if ('handle' in target) result = this.senderOf(target)[op](body, options);
    else if (op === 'send' || op === 'trySend')
      result = this.live[op](makeAddress(target.address) as never, body, options);
    else throw new Error(`${op} needs an open handle`);
    if (operation.mutate) mutateDeep(body);
    return result;
  }

  /** What is to be sent then leaves before anything that has come meanwhile is looked at. */
  private block({ until, then }: Operation & { op: 'block' }): void {
    blockUntil(until);
    if (then === undefined) return;
    const sent = this.live.send(makeAddress(then.address) as never, makeBody(then.body));
    sent.catch(() => undefined);
  }

  private async receive(
    operation: Operation & { op: 'receive' | 'tryReceive' | 'receiveSync' | 'tryReceiveSync' },
    signal?: AbortSignal,
  ) {
    const options = withSignal(operation.options, signal);
    const { op, target } = operation;
    let message = null;
    if ('handle' in target) message = await this.receiverOf(target)[op](options);
    else if (op === 'receive' || op === 'tryReceive')
      message = await this.live[op](makeAddress(target.address), options);
    else throw new Error(`${op} needs an open handle`);
    if (!operation.digest || message === null) return message;
    return {
      ...message,
      body: message.body instanceof Uint8Array ? digestOf(message.body) : typeof message.body,
    };
  }

  private async iterate(receiver: ReceiverUnderTest, count: number): Promise<unknown[]> {
    const messages: unknown[] = [];
    for await (const message of receiver) {
      messages.push(message);
      if (messages.length >= count) break;
    }
    return messages;
  }

  private async select(specs: readonly AddressSpec[], options: CallOptions): Promise<unknown> {
    const sources = specs.map(makeAddress);
    const { source, message } = await this.live.select(sources, options);
    return { index: sources.indexOf(source as never), message };
  }

  private async close(operation: Operation & { op: 'close' }): Promise<void> {
    const handle = this.handleOf(operation.target);
    if (operation.dispose) return handle[Symbol.asyncDispose]();
    const first = handle.close();
    if (operation.twice) await handle.close();
    return first;
  }

  private async loop(
    operation: Operation & { op: 'produce' | 'consume' | 'progress' | 'report' | 'stop' },
  ): Promise<unknown> {
    if (operation.op === 'produce' || operation.op === 'consume') {
      const loop =
        operation.op === 'produce'
          ? await produce(this.live, operation.order)
          : await consume(this.live, operation.order);
      loop.done.catch(() => undefined);
      this.loops.set(this.next, loop);
      return this.next++;
    }
    const loop = this.loops.get(operation.loop);
    if (loop === undefined) throw new Error(`no loop has number ${operation.loop}`);
    if (operation.op === 'progress') return loop.progress();
    if (operation.op === 'stop') loop.stop();
    return loop.done;
  }
}

function withSignal<Options extends CallOptions>(
  options: Options | undefined,
  signal?: AbortSignal,
): Options {
  return { ...options, ...(signal === undefined ? {} : { signal }) } as Options;
}

/** Blocks this thread's event loop until `path` exists: a busy peer (R27). `<path>.blocked` tells that it does. */
function blockUntil(path: string): void {
  writeFileSync(`${path}.blocked`, '');
  const never = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(path)) Atomics.wait(never, 0, 0, 5);
}

/** What is held, not what is garbage. */
function usage(): Usage {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // The second waits for what the first sweeps beside this thread.
  collect();
  collect();
  // Array buffers are external, too.
  const { rss, external } = process.memoryUsage();
  let descriptors = -1;
  try {
    descriptors = readdirSync('/proc/self/fd').length;
  } catch {
    // Not Linux.
  }
  return { rss, external, descriptors, polluted: 'polluted' in {} };
}
