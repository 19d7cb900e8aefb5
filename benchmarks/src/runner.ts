/** Runs one case once, in fresh processes, under a watchdog. */

import type { ChildProcess } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { caseId, type Entry } from './catalogue.js';
import { type Control, isControl, type Job, type Measurement } from './control.js';
import { startProcess } from './fork.js';
import { kindNamed } from './kinds.js';
import { removePlace } from './removal.js';

const WATCHDOG_SLACK = 30_000;
const KEPT_STDERR = 4_000;

/** How long, and where. */
export interface RunOptions {
  /** Milliseconds before measuring. */
  readonly warmup: number;
  /** Milliseconds of measuring. */
  readonly duration: number;
  /** Directory of the whole run; each case gets one of its own below. */
  readonly root: string;
  /** Fewer points of what is measured along a scale. */
  readonly quick: boolean;
  /** Node options for both processes beside the kind's own. */
  readonly nodeOptions: readonly string[];
  /** Watches the processes from the moment when everything is open, the leading one first; the case goes on when it resolves. */
  readonly observe?: (pids: readonly number[]) => Promise<void>;
}

/** What a run gave: figures, or why there are none. */
export type Outcome = { readonly measurement: Measurement } | { readonly failure: string };

/** Processes that are running now, so that an interrupted run can end them. */
const running = new Set<number>();

/** Kills, by pid, what this module started and has not seen end. */
export function endAll(): void {
  for (const pid of running) kill(pid);
}

function kill(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
  running.delete(pid);
}

function makeJob({ file, testCase }: Entry, directory: string, options: RunOptions): Job {
  const kind = kindNamed(testCase.kind);
  const plain = testCase.others === undefined && testCase.spawn === undefined;
  return {
    kind: testCase.kind,
    name: testCase.name,
    file,
    directory,
    root: options.root,
    index: -1,
    early: plain ? kind.others(testCase) : 0,
    quick: options.quick,
    warmup: options.warmup,
    duration: options.duration,
    hold: options.observe !== undefined,
    serialization: testCase.serialization ?? 'json',
    nodeOptions: [...kind.nodeOptions, ...options.nodeOptions],
  };
}

/** One run in progress: follows the leading process's reports until it has ended. */
class Run {
  private readonly child: ChildProcess;
  private readonly otherPids: number[] = [];
  private outcome: Outcome | undefined;
  private waitsFor = 'the processes to start';
  private stderr = '';

  constructor(
    private readonly job: Job,
    private readonly observe: RunOptions['observe'],
  ) {
    this.child = startProcess('lead', job, 'pipe');
    if (this.child.pid !== undefined) running.add(this.child.pid);
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-KEPT_STDERR);
    });
    this.child.on('message', (message: unknown) => {
      if (isControl(message)) this.onReport(message);
    });
    this.child.send({ bench: 'job', job });
  }

  /** Resolves when both processes have ended. */
  async finish(): Promise<Outcome> {
    const { kind, warmup, duration } = this.job;
    const length = kindNamed(kind).length?.(this.job) ?? 1;
    const watchdog = setTimeout(() => this.giveUp(), (warmup + duration) * length + WATCHDOG_SLACK);
    const code = await new Promise<string>((resolve) => {
      this.child.once('close', (exitCode, signal) => resolve(signal ?? `exit code ${exitCode}`));
    });
    clearTimeout(watchdog);
    kill(this.child.pid);
    for (const pid of this.otherPids) kill(pid);
    const outcome = this.outcome ?? { failure: `the leading process ended early (${code})` };
    if ('measurement' in outcome || this.stderr === '') return outcome;
    return { failure: `${outcome.failure}\n${this.stderr}` };
  }

  private onReport(message: Control): void {
    if (message.bench === 'phase') this.waitsFor = message.text;
    if (message.bench === 'second') {
      this.otherPids[message.index] = message.pid;
      running.add(message.pid);
    }
    if (message.bench === 'ready') void this.attach();
    if (message.bench === 'result') this.outcome ??= { measurement: message.measurement };
    if (message.bench === 'failure') this.outcome ??= { failure: message.text };
  }

  private async attach(): Promise<void> {
    if (this.observe === undefined || this.child.pid === undefined) return;
    try {
      await this.observe([this.child.pid, ...this.otherPids]);
    } catch (error) {
      this.outcome ??= { failure: `the observer failed: ${String(error)}` };
    }
    if (this.child.connected) this.child.send({ bench: 'proceed' });
  }

  private giveUp(): void {
    this.outcome ??= { failure: `timed out waiting for ${this.waitsFor}` };
    for (const pid of this.otherPids) kill(pid);
    kill(this.child.pid);
  }
}

/** Runs the case once. Never throws for what the case does: a failure is an outcome. */
export async function runCase(entry: Entry, options: RunOptions): Promise<Outcome> {
  const directory = await mkdtemp(join(options.root, 'c'));
  try {
    return await new Run(makeJob(entry, directory, options), options.observe).finish();
  } catch (error) {
    return { failure: `${caseId(entry.testCase)}: ${String(error)}` };
  } finally {
    removePlace(directory);
  }
}
