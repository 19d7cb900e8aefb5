/** A process that runs one runtime (peer.mjs), and what a test may ask of it. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { until, within } from './watch.js';

const script = fileURLToPath(new URL('peer.mjs', import.meta.url));

interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

export interface Seen {
  readonly event: string;
  readonly name?: string;
  readonly mailbox?: string;
  readonly code?: string;
  readonly message?: string;
  readonly [detail: string]: unknown;
}

export class PeerProcess {
  readonly ended: Promise<number | NodeJS.Signals>;
  stderr = '';
  private readonly waiting = new Map<number, (reply: Reply) => void>();
  private next = 1;

  private constructor(readonly child: ChildProcess) {
    this.ended = new Promise((resolve) => {
      child.on('exit', (code, signal) => {
        resolve(signal ?? code ?? -1);
        const error = { code: 'DEAD', message: `the process ended with ${signal ?? code}: ${this.stderr}` };
        for (const [id, answer] of this.waiting) answer({ id, error });
      });
    });
    child.on('message', (reply: Reply) => {
      this.waiting.get(reply.id)?.(reply);
      this.waiting.delete(reply.id);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
  }

  /** `options`: of `createRuntime`. `prefix`: a command that runs the command that follows it. `flags`: of node. */
  static async launch(
    options: object,
    prefix: readonly string[] = [],
    flags: readonly string[] = [],
  ): Promise<PeerProcess> {
    const [command = process.execPath, ...before] = [...prefix, process.execPath, ...flags];
    const child = fork(script, [JSON.stringify(options)], {
      execPath: command,
      execArgv: before,
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const process_ = new PeerProcess(child);
    await within(
      new Promise<void>((resolve) => process_.waiting.set(0, () => resolve())),
      'a process to start',
    );
    return process_;
  }

  static async start(
    options: object,
    prefix: readonly string[] = [],
    flags: readonly string[] = [],
  ): Promise<PeerProcess> {
    const started = await PeerProcess.launch(options, prefix, flags);
    await started.call('start');
    return started;
  }

  async call<T = unknown>(call: string, ...args: unknown[]): Promise<T> {
    const id = this.next++;
    const reply = new Promise<Reply>((resolve) => this.waiting.set(id, resolve));
    this.child.send({ id, call, args });
    const { value, error } = await within(reply, `the answer to ${call}`);
    if (error !== undefined) throw Object.assign(new Error(error.message), { code: error.code });
    return value as T;
  }

  /** Waits for an event of the runtime that `matches`. */
  seen(matches: (event: Seen) => boolean, what: string): Promise<Seen> {
    return until(async () => (await this.call<Seen[]>('events')).find(matches), what);
  }

  /** Closes the runtime and lets the process go; it must then end by itself, without a complaint. */
  async leave(): Promise<void> {
    await this.call('close');
    this.child.send({ id: 0, call: 'leave', args: [] });
    const ending = await within(this.ended, 'the process to end by itself');
    if (ending !== 0) throw new Error(`the process ended with ${ending}: ${this.stderr}`);
  }
}
