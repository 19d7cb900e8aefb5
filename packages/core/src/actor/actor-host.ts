/**
 * The script of a process or thread that serves one actor for another process. It is told what to serve, and ends when it is told
 * to, when the actor has ended, or when nobody is there any more to tell it.
 */
import { isMainThread, parentPort } from 'node:worker_threads';
import type { RuntimeOptions } from '../config.js';
import { createRuntime } from '../create-runtime.js';
import { PigeonholeError } from '../errors.js';
import type { Runtime } from '../runtime.js';
import { isActorDefinition } from './define.js';
import type { Share } from './pool.js';
import { encodeError } from './protocol.js';
import { describeError } from './remote-error.js';
import type { ActorDefinition } from './types.js';

export interface Boot {
  readonly module: string;
  /** The name that the definition has, of which `name` may be another. */
  readonly definition: string;
  readonly name: string;
  readonly args: unknown;
  readonly instances?: number;
  /** Of a pool that is spread: the part to serve. */
  readonly share?: Share;
  readonly runtime: RuntimeOptions;
}

/** What the script is told. `stop`: milliseconds for turns under way. `exit`: a thread is to end as it is. */
export type Order = { readonly boot: Boot } | { readonly stop: number } | { readonly exit: true };

/** What it says. `ended`: the actor has, with the error that it failed with. */
export type Report = { readonly ready: true } | { readonly ended: unknown; readonly escalate: boolean };

class ActorHost {
  private runtime: Runtime | null = null;
  private leaving = false;

  constructor(
    /** Resolves when it has left. */
    private readonly report: (report: Report) => Promise<void>,
    /** The end. A handler that never ends must not outlive whoever placed it. */
    private readonly exit: () => void,
  ) {}

  order(order: Order): void {
    if ('exit' in order) process.exit();
    if ('boot' in order) void this.serve(order.boot);
    else void this.leave(order.stop);
  }

  private async serve(boot: Boot): Promise<void> {
    try {
      const definition = await find(boot);
      const runtime = await createRuntime(boot.runtime);
      this.runtime = runtime;
      if (this.leaving) return void (await runtime.close({ deadline: 0 }));
      const { name, args, instances, share } = boot;
      let failure: unknown = null;
      const system = runtime.actorSystem();
      system.onFailed = (_actor, error) => {
        failure = encodeError({ ...describeError(error, true), data: undefined });
      };
      const options = instances === undefined ? { name } : { name, instances };
      const actor = await system.start(definition as ActorDefinition, args, options, null, share);
      const { terminated } = await runtime.watch(actor);
      void terminated.then(() => this.ended(failure, failure !== null));
      await this.report({ ready: true });
    } catch (error) {
      this.ended(encodeError({ ...describeError(error, true), data: undefined }), false);
    }
  }

  private ended(error: unknown, escalate: boolean): void {
    if (this.leaving) return;
    void this.report({ ended: error, escalate }).then(() => this.leave(0));
  }

  async leave(deadline: number): Promise<void> {
    if (this.leaving) return;
    this.leaving = true;
    await this.runtime?.stop({ deadline });
    this.exit();
  }
}

async function find({ module, definition }: Boot): Promise<ActorDefinition<unknown>> {
  const exported: Record<string, unknown> = await import(module);
  const values = Object.values(exported);
  // A CommonJS module may show its exports only under 'default'.
  if (typeof exported.default === 'object' && exported.default !== null)
    values.push(...Object.values(exported.default));
  const found = values.find((value) => isActorDefinition(value) && value.name === definition);
  if (found !== undefined) return found as ActorDefinition<unknown>;
  throw new PigeonholeError(
    'ERR_CONFIG',
    `option module is '${module}', which exports no definition of actor '${definition}'`,
  );
}

function serveProcess(): void {
  const host = new ActorHost(
    (report) =>
      new Promise((resolve) => {
        if (process.connected) process.send?.(report, undefined, undefined, () => resolve());
        else resolve();
      }),
    () => process.exit(),
  );
  process.on('message', (order) => host.order(order as Order));
  process.on('disconnect', () => void host.leave(0));
  // A terminal sends it to the whole group: whoever placed this actor decides when it stops.
  process.on('SIGINT', () => {});
  process.once('SIGTERM', () => void host.leave(1_000));
}

function serveThread(): void {
  const port = parentPort as NonNullable<typeof parentPort>;
  const host = new ActorHost(
    async (report) => port.postMessage(report),
    () => port.close(),
  );
  port.on('message', (order: Order) => host.order(order));
}

if (isMainThread) serveProcess();
else serveThread();
