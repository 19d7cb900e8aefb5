/**
 * Starts agents, and sees to it that each is ended by its own pid and reaped, whatever became of the test.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { AgentBoot } from './agent.js';
import type { EventName } from './surface.js';
import type { Watchdog } from './watchdog.js';
import { RemoteWire, type Reply } from './wire.js';

export interface Departure {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A running agent. */
export interface Agent {
  readonly wire: RemoteWire;
  readonly pid: number;
  readonly gone: Promise<Departure>;
  /** What it wrote to stderr so far. */
  stderr(): string;
  /** Lets it end by itself. */
  leave(): void;
  /** A process gets the signal; a thread can only be terminated, with `'SIGKILL'`. */
  kill(signal: NodeJS.Signals): void;
}

/** How agents' processes are started: as `fork` does it, with an IPC channel in `stdio`. */
export type StartProcess = (
  script: string,
  options: {
    serialization: 'advanced';
    execArgv: string[];
    stdio: ('ignore' | 'pipe' | 'ipc')[];
    env: NodeJS.ProcessEnv;
  },
) => ChildProcess;

export interface AgentOptions extends AgentBoot {
  environment: Readonly<Record<string, string>>;
  startProcess?: StartProcess;
  threadKill?: 'terminate' | 'exit';
  onEvent(event: EventName, payload: unknown): void;
}

/** Beside this file once built; in the package's `dist` when the suite runs from its sources. */
function agentScript(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const found = [join(here, 'agent.js'), join(here, '..', 'dist', 'agent.js')].find((path) =>
    existsSync(path),
  );
  if (found === undefined)
    throw new Error(`the agent of the conformance suite is not built: no agent.js beside ${here}`);
  return found;
}

const variable = 'PIGEONHOLE_CONFORMANCE_AGENT';

export async function spawnProcess(watchdog: Watchdog, options: AgentOptions): Promise<Agent> {
  const { modules, runtimeModule, environment, onEvent } = options;
  const start: StartProcess = options.startProcess ?? ((script, settings) => fork(script, [], settings));
  const boot = JSON.stringify({ modules, ...(runtimeModule === undefined ? {} : { runtimeModule }) });
  const child = start(agentScript(), {
    serialization: 'advanced',
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, ...environment, NODE_OPTIONS: '', [variable]: boot },
  });
  const errors = collect(child.stderr);
  const wire = new RemoteWire(
    (request) => void (child.connected && child.send(request, () => undefined)),
    onEvent,
  );
  const gone = departure(child).then((left) => {
    wire.end(
      new Error(
        `agent ${child.pid} ended with ${left.signal ?? left.code} during the call; stderr: ${errors()}`,
      ),
    );
    return left;
  });
  const kill = (signal: NodeJS.Signals) => void child.kill(signal);
  const leave = () => void (child.connected && child.send({ leave: true }, () => undefined));
  const ready = new Promise<void>((resolve, reject) => {
    child.on('message', (reply: Reply) => ('ready' in reply ? resolve() : wire.handle(reply)));
    void gone.then(({ code, signal }) =>
      reject(new Error(`the agent ended with ${signal ?? code} at its start: ${errors()}`)),
    );
  });
  await orKill(watchdog.within(ready, 'an agent process to start'), () => child.kill('SIGKILL'));
  return { wire, pid: child.pid ?? 0, gone, stderr: errors, leave, kill };
}

export async function spawnThread(watchdog: Watchdog, options: AgentOptions): Promise<Agent> {
  const { modules, runtimeModule, environment, onEvent } = options;
  const worker = new Worker(agentScript(), {
    workerData: { modules, ...(runtimeModule === undefined ? {} : { runtimeModule }) },
    execArgv: [],
    env: { ...process.env, ...environment, NODE_OPTIONS: '' },
    stdout: true,
    stderr: true,
  });
  const errors = collect(worker.stderr);
  let crash: unknown;
  worker.on('error', (error) => {
    crash = error;
  });
  const wire = new RemoteWire((request) => worker.postMessage(request), onEvent);
  // Not events.once: that rejects at 'error', before the thread is gone.
  const gone = new Promise<Departure>((resolve) => {
    worker.once('exit', (code) => {
      wire.end(new Error(`agent thread ended with ${code} during the call: ${crash ?? errors()}`));
      resolve({ code, signal: null });
    });
  });
  const ready = new Promise<void>((resolve, reject) => {
    worker.on('message', (reply: Reply) => ('ready' in reply ? resolve() : wire.handle(reply)));
    void gone.then(({ code }) =>
      reject(new Error(`the agent thread ended with ${code} at its start: ${crash ?? errors()}`)),
    );
  });
  await orKill(watchdog.within(ready, 'an agent thread to start'), () => void worker.terminate());
  const kill = (signal: NodeJS.Signals) => {
    if (signal !== 'SIGKILL') throw new Error(`a thread cannot get ${signal}`);
    if (options.threadKill === 'exit') worker.postMessage({ exit: true });
    else void worker.terminate();
  };
  return {
    wire,
    pid: process.pid,
    gone,
    stderr: errors,
    leave: () => worker.postMessage({ leave: true }),
    kill,
  };
}

async function orKill(start: Promise<void>, kill: () => void): Promise<void> {
  try {
    await start;
  } catch (error) {
    kill();
    throw error;
  }
}

function departure(child: ChildProcess): Promise<Departure> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: -1, signal: null }));
  });
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = '';
  stream?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-2000);
  });
  return () => text;
}
