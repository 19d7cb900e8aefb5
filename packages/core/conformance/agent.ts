/**
 * The script that the suite runs in another process or worker thread. It holds one runtime and does what the suite asks
 * (`executor.ts`). Told to leave, it lets go of the suite and must then end by itself (R24).
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { createRuntime } from '../src/index.js';
import type { CreateRuntime } from './surface.js';
import { type Reply, type Request, serve } from './wire.js';

/** What an agent is started with: `workerData`, or JSON in the environment. */
export interface AgentBoot {
  /** Imported first: transports that register themselves, or that must be found at all. */
  modules: readonly string[];
  /** A module whose `createRuntime` is used in place of core's: to run the suite on a runtime that is broken on purpose. */
  runtimeModule?: string;
}

const variable = 'PIGEONHOLE_CONFORMANCE_AGENT';

async function load(boot: AgentBoot): Promise<CreateRuntime> {
  const { resolve } = createRequire(join(process.cwd(), 'agent.js'));
  const load = (specifier: string) => import(pathToFileURL(resolve(specifier)).href);
  for (const specifier of boot.modules) await load(specifier);
  if (boot.runtimeModule === undefined) return createRuntime as CreateRuntime;
  return ((await load(boot.runtimeModule)) as { createRuntime: CreateRuntime }).createRuntime;
}

async function runInThread(): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('the agent of the conformance suite is started by the suite');
  const post = (reply: Reply) => port.postMessage(reply);
  const handle = serve(await load(workerData as AgentBoot), post);
  port.on('message', (request: Request) => {
    if ('exit' in request) return process.exit(); // of this thread
    if ('leave' in request) port.close();
    else handle(request);
  });
  post({ ready: true });
}

async function runInProcess(): Promise<void> {
  let leaving = false;
  const post = (reply: Reply) =>
    void (process.connected && process.send?.(reply, undefined, undefined, () => undefined));
  process.on('disconnect', () => !leaving && process.exit(1));
  const handle = serve(await load(JSON.parse(process.env[variable] ?? '') as AgentBoot), post);
  process.on('message', (request: Request) => {
    if (!('leave' in request || 'exit' in request)) return handle(request);
    leaving = true;
    process.disconnect();
  });
  post({ ready: true });
}

void (isMainThread ? runInProcess() : runInThread());
