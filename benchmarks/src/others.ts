/** The other ends of a case as the leading process sees them: processes, threads, or halves in its own thread. */

import type { ChildProcess } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import type { Case, Channel } from './contender.js';
import {
  type Control,
  type Endpoint,
  ipcEndpoint,
  type Job,
  noChannel,
  portEndpoint,
  splitChannel,
} from './control.js';
import { entry, startProcess } from './fork.js';
import type { Remote } from './kind.js';
import type { AnyHalf } from './kinds.js';
import { openHalf } from './second.js';

/** Another end. */
export interface Other {
  readonly channel: Channel;
  /** Absent where it is no process of its own. */
  readonly pid?: number | undefined;
  readonly remote: Remote<AnyHalf>;
  /** Lets it end, and resolves when it has. */
  close(): Promise<void>;
}

/** How a case wants its other ends started. */
export type StartedAs = Pick<Case, 'others' | 'spawn'>;

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** `remote.open()` calls `ask('open')`, and so on for every name. */
function remoteOf(ask: (name: string, argument: unknown) => Promise<unknown>): Remote<AnyHalf> {
  return new Proxy<Remote<AnyHalf>>(
    {},
    { get: (_target, name) => (argument: unknown) => ask(String(name), argument) },
  );
}

/** Questions under way to one other end. */
class Questions {
  readonly channel: Channel;
  readonly remote: Remote<AnyHalf>;
  ended: Error | undefined;
  private readonly pending = new Map<number, Pending>();
  private lastId = 0;

  constructor(endpoint: Endpoint) {
    this.channel = splitChannel(endpoint, (message) => this.onControl(message));
    this.remote = remoteOf((name, argument) => this.ask(name, argument));
  }

  end(error: Error): void {
    this.ended ??= error;
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
  }

  private async ask(name: string, argument: unknown): Promise<unknown> {
    if (this.ended !== undefined) throw this.ended;
    this.lastId += 1;
    const id = this.lastId;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.channel.send({ bench: 'ask', id, name, argument });
    });
  }

  private onControl(message: Control): void {
    if (message.bench !== 'answer') return;
    const waiting = this.pending.get(message.id);
    this.pending.delete(message.id);
    if (message.error === undefined) waiting?.resolve(message.value);
    else waiting?.reject(new Error(message.error));
  }
}

function inProcess(job: Job, how: StartedAs): Other {
  const child: ChildProcess = startProcess('second', job, 'inherit', how.spawn);
  const questions = new Questions(ipcEndpoint(child));
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      questions.end(new Error(`process ${job.index} ended (${signal ?? `exit code ${code}`})`));
      resolve();
    });
  });
  child.send({ bench: 'job', job });
  return {
    channel: questions.channel,
    pid: child.pid,
    remote: questions.remote,
    async close() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

function inThread(job: Job): Other {
  const worker = new Worker(entry, { argv: ['second'], env: process.env });
  const questions = new Questions(portEndpoint(worker));
  worker.once('error', (error) => questions.end(error));
  worker.once('exit', (code) => questions.end(new Error(`thread ${job.index} ended (exit code ${code})`)));
  worker.postMessage({ bench: 'job', job });
  return {
    channel: questions.channel,
    remote: questions.remote,
    close: async () => void (await worker.terminate()),
  };
}

function inPlace(job: Job): Other {
  const half = openHalf(job, noChannel);
  const call = async (name: string, argument: unknown): Promise<unknown> => (await half)[name]?.(argument);
  return { channel: noChannel, remote: remoteOf(call), close: () => Promise.resolve() };
}

/** Starts one other end, wherever the case wants it. */
export function startOther(job: Job, how: StartedAs): Other {
  if (how.others === 'threads') return inThread(job);
  return how.others === 'here' ? inPlace(job) : inProcess(job, how);
}
