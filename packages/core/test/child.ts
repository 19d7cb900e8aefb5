import { type ChildProcess, fork } from 'node:child_process';
import type * as Fs from 'node:fs';
import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as later } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type * as Core from '../dist/index.js';
import type * as Kit from '../dist/transport.js';

/** What a function sent to a child finds there. */
export interface Scope {
  readonly core: typeof Core;
  readonly kit: typeof Kit;
  readonly fs: typeof Fs;
  /** Lasts from one call to the next. */
  readonly kept: Record<string, unknown> & { runtime: Core.Runtime; leaving?: boolean };
  /** Joins over Unix sockets, without configuration file and log; the runtime is then `kept.runtime`. */
  join(options: Core.RuntimeOptions): Promise<Core.Runtime>;
  tell(value: unknown): void;
}

/** An error as it came out of a child. */
export interface ChildError extends Error {
  readonly code?: string;
  readonly accepted?: number;
}

interface Reply {
  ready?: true;
  id?: number;
  value?: unknown;
  error?: { name: string; message: string; code?: string; accepted?: number };
  told?: unknown;
}

/** Another process that runs the functions a test gives it. Ended by its pid when the test has finished. */
export class Child {
  readonly told: unknown[] = [];
  private readonly calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  private next = 0;
  private errors = '';
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  private constructor(private readonly process: ChildProcess) {
    process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errors = (this.errors + text).slice(-4000);
    });
    this.exit = new Promise((resolve) => {
      process.once('exit', (code, signal) => {
        for (const { reject } of this.calls.values())
          reject(new Error(`the child ended with ${signal ?? code} during a call: ${this.errors}`));
        this.calls.clear();
        resolve({ code, signal });
      });
    });
  }

  /** `files`: the most descriptors it may have open. */
  static async start(
    options: { execArgv?: string[]; env?: Record<string, string>; files?: number } = {},
  ): Promise<Child> {
    const { files } = options;
    const limited =
      files === undefined
        ? {}
        : { execPath: '/bin/sh', execArgv: ['-c', `ulimit -n ${files} && exec "$0" "$@"`, process.execPath] };
    const process_ = fork(fileURLToPath(new URL('child-agent.mjs', import.meta.url)), [], {
      serialization: 'advanced',
      execArgv: options.execArgv ?? [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, NODE_OPTIONS: '', ...options.env },
      ...limited,
    });
    const child = new Child(process_);
    onTestFinished(() => child.end());
    await new Promise<void>((resolve, reject) => {
      process_.on('message', (reply: Reply) => (reply.ready ? resolve() : child.heard(reply)));
      void child.exit.then(() => reject(new Error(`a child ended at its start: ${child.errors}`)));
    });
    return child;
  }

  /** Joins under these options and resolves when it has. */
  static async joined(options: Core.RuntimeOptions): Promise<Child> {
    const child = await Child.start();
    await child.run(async (scope, given) => void (await scope.join(given)), options);
    return child;
  }

  get pid(): number {
    return this.process.pid as number;
  }

  /** Runs `work` in the child; it sees nothing but its arguments. */
  run<R, A = undefined>(
    work: (scope: Scope, argument: A) => R | Promise<R>,
    ...[argument]: A extends undefined ? [] : [A]
  ): Promise<R> {
    const id = this.next++;
    return new Promise<R>((resolve, reject) => {
      this.calls.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.process.send({ id, work: work.toString(), argument }, (error) => error && reject(error));
    });
  }

  /** Closes its runtime, lets go of it, and resolves with its exit code. It must end by itself. */
  async leave(): Promise<number | null> {
    await this.run(async ({ kept }) => {
      await kept.runtime.close();
      kept.leaving = true;
    });
    this.process.disconnect();
    return (await this.exit).code;
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name);
  }

  async end(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGKILL');
    await this.exit;
  }

  private heard({ id, value, error, told }: Reply): void {
    if (id === undefined) return void this.told.push(told);
    const call = this.calls.get(id);
    this.calls.delete(id);
    if (error === undefined) call?.resolve(value);
    else call?.reject(Object.assign(new Error(error.message), error));
  }
}

/** A directory with a short path for one test's namespace, removed afterwards. */
export async function runtimeDirectory(): Promise<string> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'ph')));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Everything below a directory, sorted; [] when there is none. */
export async function filesIn(directory: string): Promise<string[]> {
  const all = await readdir(directory, { recursive: true }).catch(() => []);
  return all.sort();
}

/** Resolves with the first truthy value of `condition`; gives up after 40 s, saying what it waited for. */
export async function until<T>(condition: () => T | Promise<T>, what: string): Promise<T> {
  const end = performance.now() + 40_000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited 40 s for ${what}`);
    await later(2);
  }
}

/** What a promise rejects with; fails the test if it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<ChildError> {
  const outcome = await promise.then(
    () => null,
    (error: unknown) => error as ChildError,
  );
  if (outcome === null) throw new Error('it resolved');
  return outcome;
}
