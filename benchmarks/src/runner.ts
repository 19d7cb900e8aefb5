/** The processes of one case, from their start over its rounds to their end, under a watchdog. */

import type { ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { Entry } from './catalogue.js';
import { type Command, type Control, isControl, type Job, type Measurement } from './control.js';
import { startProcess } from './fork.js';
import { kindNamed } from './kinds.js';
import { removePlace } from './removal.js';
import type { WarmUp, WarmUpRule } from './warm-up.js';

const WATCHDOG_SLACK = 30_000;
const KEPT_STDERR = 4_000;

/** How long, and where. */
export interface RunOptions {
  readonly warmUp: WarmUpRule;
  /** Milliseconds at the start of each measuring that do not count. */
  readonly runUp: number;
  /** Milliseconds of measuring that count. */
  readonly duration: number;
  /** Directory of the whole run; each case gets one of its own below. */
  readonly root: string;
  /** Fewer points of what is measured along a scale. */
  readonly quick: boolean;
  /** Node options for both processes beside the kind's own. */
  readonly nodeOptions: readonly string[];
  /** Watches the processes from the moment when everything is warm, the leading one first; the case goes on when it resolves. */
  readonly observe?: (pids: readonly number[]) => Promise<void>;
}

/** Why there are no figures. */
export interface Failure {
  readonly failure: string;
}

/** What a round gave. */
export type Outcome = { readonly measurement: Measurement } | Failure;

/** How the warm-up went; without one where nothing can be warm. */
export type Warmth = { readonly warmUp?: WarmUp } | Failure;

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
    warmUp: options.warmUp,
    runUp: options.runUp,
    duration: options.duration,
    hold: options.observe !== undefined,
    serialization: testCase.serialization ?? 'json',
    nodeOptions: [...kind.nodeOptions, ...options.nodeOptions],
  };
}

/** The processes of one case while they live. Nothing here throws for what the case does: a failure is an outcome, and ends them. */
export class Life {
  private readonly directory: string;
  private readonly job: Job;
  private readonly child: ChildProcess;
  private readonly ended: Promise<string>;
  private readonly otherPids: number[] = [];
  private answer: (outcome: Outcome | Warmth) => void = () => undefined;
  private waitsFor = 'the processes to start';
  private stderr = '';

  /** Starts the processes. */
  constructor(
    entry: Entry,
    private readonly options: RunOptions,
  ) {
    this.directory = mkdtempSync(join(options.root, 'c'));
    this.job = makeJob(entry, this.directory, options);
    this.child = startProcess('lead', this.job, 'pipe');
    if (this.child.pid !== undefined) running.add(this.child.pid);
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-KEPT_STDERR);
    });
    this.child.on('message', (message: unknown) => {
      if (isControl(message)) this.onReport(message);
    });
    this.ended = new Promise((resolve) => {
      this.child.once('close', (exitCode, signal) => resolve(signal ?? `exit code ${exitCode}`));
      this.child.once('error', (error) => resolve(String(error)));
    });
  }

  /** Opens the case and warms it up. Called once, first. */
  begin(): Promise<Warmth> {
    return this.step<Warmth>({ bench: 'job', job: this.job }, this.job.warmUp.most);
  }

  /** One round. Called one after another. */
  measure(): Promise<Outcome> {
    return this.step<Outcome>({ bench: 'measure' });
  }

  /** Lets the processes end, and resolves when they have; to why they did not by themselves, if so. */
  async end(): Promise<Failure | undefined> {
    let failure: Failure | undefined;
    this.answer = (outcome) => {
      if ('failure' in outcome) failure ??= outcome;
    };
    const watchdog = this.watch(0);
    this.tell({ bench: 'end' });
    const code = await this.ended;
    clearTimeout(watchdog);
    this.release();
    if (failure !== undefined || code === 'exit code 0') return failure;
    return this.failed(`the leading process ended with ${code} while closing`);
  }

  /** One command, and what it leads to. */
  private async step<Result extends Outcome | Warmth>(
    command: Command,
    longer = 0,
  ): Promise<Result | Failure> {
    const answered = new Promise<Outcome | Warmth>((resolve) => {
      this.answer = resolve;
    });
    const watchdog = this.watch(longer);
    this.tell(command);
    const early = this.ended.then((code) => ({ failure: `the leading process ended early (${code})` }));
    const outcome = await Promise.race([answered, early]);
    clearTimeout(watchdog);
    if (!('failure' in outcome)) return outcome as Result;
    kill(this.child.pid);
    await this.ended;
    this.release();
    return this.failed(outcome.failure);
  }

  private tell(command: Command): void {
    if (this.child.connected) this.child.send(command);
  }

  private failed(failure: string): Failure {
    return { failure: this.stderr === '' ? failure : `${failure}\n${this.stderr}` };
  }

  private watch(longer: number): NodeJS.Timeout {
    const { kind, runUp, duration } = this.job;
    const length = kindNamed(kind).length?.(this.job) ?? 1;
    return setTimeout(() => this.giveUp(), longer + (runUp + duration) * length + WATCHDOG_SLACK);
  }

  private release(): void {
    kill(this.child.pid);
    for (const pid of this.otherPids) kill(pid);
    removePlace(this.directory);
  }

  private onReport(message: Control): void {
    if (message.bench === 'phase') this.waitsFor = message.text;
    if (message.bench === 'second') {
      this.otherPids[message.index] = message.pid;
      running.add(message.pid);
    }
    if (message.bench === 'ready') void this.attach();
    if (message.bench === 'warm') this.answer(message.warmUp === undefined ? {} : { warmUp: message.warmUp });
    if (message.bench === 'result') this.answer({ measurement: message.measurement });
    if (message.bench === 'failure') this.answer({ failure: message.text });
  }

  private async attach(): Promise<void> {
    const { observe } = this.options;
    if (observe === undefined || this.child.pid === undefined) return;
    try {
      await observe([this.child.pid, ...this.otherPids]);
    } catch (error) {
      this.answer({ failure: `the observer failed: ${String(error)}` });
    }
    this.tell({ bench: 'proceed' });
  }

  private giveUp(): void {
    this.answer({ failure: `timed out waiting for ${this.waitsFor}` });
    for (const pid of this.otherPids) kill(pid);
    kill(this.child.pid);
  }
}
