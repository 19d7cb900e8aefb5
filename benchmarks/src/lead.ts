/** The leading process of a case: starts the second, measures, and reports to the main process. */

import type { ChildProcess } from 'node:child_process';
import { loadCase } from './catalogue.js';
import type { Channel } from './contender.js';
import { type Control, type Job, type Report, splitChannel } from './control.js';
import { describeError, startProcess } from './fork.js';
import type { Remote, Session } from './kind.js';
import { type AnyKind, kindNamed } from './kinds.js';
import { makePlace } from './place.js';

type Second = Record<string, () => unknown>;

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

function report(message: Report): void {
  process.send?.(message);
}

/** The second process as seen from here. */
class SecondProcess {
  readonly channel: Channel;
  private readonly pending = new Map<number, Pending>();
  private lastId = 0;
  private ended: Error | undefined;

  constructor(private readonly child: ChildProcess) {
    this.channel = splitChannel(child, (message) => this.onControl(message));
    child.once('exit', (code, signal) =>
      this.end(new Error(`the second process ended (${signal ?? `exit code ${code}`})`)),
    );
  }

  /** Calls a function of the second half. */
  async ask(name: string): Promise<unknown> {
    if (this.ended !== undefined) throw this.ended;
    this.lastId += 1;
    const id = this.lastId;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.channel.send({ bench: 'ask', id, name });
    });
  }

  /** Lets it end, and waits until it has. */
  async close(): Promise<void> {
    const exited = new Promise<void>((resolve) => {
      if (this.ended === undefined) this.child.once('exit', () => resolve());
      else resolve();
    });
    if (this.child.connected) this.child.disconnect();
    await exited;
  }

  private onControl(message: Control): void {
    if (message.bench !== 'answer') return;
    const waiting = this.pending.get(message.id);
    this.pending.delete(message.id);
    if (message.error === undefined) waiting?.resolve(message.value);
    else waiting?.reject(new Error(message.error));
  }

  private end(error: Error): void {
    this.ended = error;
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
  }
}

function startSecond(job: Job): SecondProcess {
  const child = startProcess('second', job, 'inherit');
  if (child.pid !== undefined) report({ bench: 'second', pid: child.pid });
  child.send({ bench: 'job', job });
  return new SecondProcess(child);
}

/** `remote.open()` asks the second process for `open`, and so on for every name. */
function remoteOf(second: SecondProcess | undefined): Remote<Second> {
  return new Proxy<Remote<Second>>(
    {},
    {
      get: (_target, name) => async () => {
        if (second === undefined) throw new Error('this kind of case has no second process');
        return second.ask(String(name));
      },
    },
  );
}

const noChannel: Channel = {
  send() {
    throw new Error('this kind of case has one process only');
  },
  onMessage: () => undefined,
};

async function measure(kind: AnyKind, job: Job, proceed: Promise<void>): Promise<void> {
  const testCase = await loadCase(job.file, job.kind, job.name);
  const second = kind.processes === 2 ? startSecond(job) : undefined;
  const session: Session<Second> = {
    job,
    place: makePlace(job.directory, second?.channel ?? noChannel),
    second: remoteOf(second),
    phase: (text) => report({ bench: 'phase', text }),
    async ready() {
      report({ bench: 'ready' });
      if (job.hold) await proceed;
    },
  };
  const metrics = await kind.lead(testCase, session);
  session.phase('the second process to end');
  await second?.close();
  report({ bench: 'result', metrics });
}

/** Listens for the job, runs it, reports, and ends. */
export function runLead(): void {
  let proceed: () => void = () => undefined;
  const proceeding = new Promise<void>((resolve) => {
    proceed = resolve;
  });
  const run = (job: Job): Promise<void> =>
    measure(kindNamed(job.kind), job, proceeding)
      .catch((error: unknown) => report({ bench: 'failure', text: describeError(error) }))
      .finally(() => process.disconnect());
  splitChannel(process, (message) => {
    if (message.bench === 'job') void run(message.job);
    if (message.bench === 'proceed') proceed();
  });
  process.once('disconnect', () => process.exit(0));
}
