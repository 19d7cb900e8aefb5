/** A process that runs one runtime (victim.mjs), and what a test may ask of it. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { until, within } from '../../core/test/peers/watch.js';

const script = fileURLToPath(new URL('victim.mjs', import.meta.url));

export interface Usage {
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
  readonly rss: number;
  /** The most resident memory that the process ever had. */
  readonly peak: number;
  readonly descriptors: number;
}

export interface Warning {
  readonly code: string;
  readonly message: string;
}

interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: Warning;
}

/** How a process ended: its exit code, or the signal that killed it. */
export type Ending = number | NodeJS.Signals;

export class Victim {
  readonly ended: Promise<Ending>;
  /** What it wrote to standard error. */
  stderr = '';
  private readonly waiting = new Map<number, (reply: Reply) => void>();
  private next = 1;
  private alive = true;

  private constructor(readonly child: ChildProcess) {
    this.ended = new Promise((resolve) => {
      child.on('exit', (code, signal) => {
        this.alive = false;
        resolve(signal ?? code ?? -1);
        const error = { code: 'DEAD', message: `the process ended with ${signal ?? code}: ${this.stderr}` };
        for (const [id, answer] of this.waiting) answer({ id, error });
      });
    });
    child.on('message', (reply) => this.answer(reply as Reply));
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
  }

  /** `options`: of `createRuntime`. `prefix`: a command that runs the command that follows it. */
  static async launch(options: object, prefix: readonly string[] = []): Promise<Victim> {
    const [command = process.execPath, ...before] = [...prefix, process.execPath];
    const child = fork(script, [JSON.stringify(options)], {
      execPath: command,
      execArgv: [...before, '--expose-gc'],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const victim = new Victim(child);
    await within(
      new Promise<void>((resolve) => victim.waiting.set(0, () => resolve())),
      'a process to start',
    );
    return victim;
  }

  /** Launches it and joins. */
  static async start(options: object, prefix: readonly string[] = []): Promise<Victim> {
    const victim = await Victim.launch(options, prefix);
    await victim.call('start');
    return victim;
  }

  async call<T = unknown>(call: string, ...args: unknown[]): Promise<T> {
    if (!this.alive)
      throw new Error(`${call}: the process has ended with ${await this.ended}: ${this.stderr}`);
    const id = this.next++;
    const reply = new Promise<Reply>((resolve) => this.waiting.set(id, resolve));
    this.child.send({ id, call, args });
    const { value, error } = await within(reply, `the answer to ${call}`);
    if (error !== undefined) throw Object.assign(new Error(error.message), { code: error.code });
    return value as T;
  }

  usage(): Promise<Usage> {
    return this.call<Usage>('usage');
  }

  warnings(): Promise<Warning[]> {
    return this.call<Warning[]>('warnings');
  }

  /** Waits for a `warning` event of this code whose message has `text` in it. */
  warned(code: string, text: string): Promise<Warning> {
    return until(
      async () => (await this.warnings()).find((each) => each.code === code && each.message.includes(text)),
      `a warning ${code} with '${text}'`,
    );
  }

  /** Closes the runtime and lets the process go; it must then end by itself, without a complaint. */
  async leave(): Promise<void> {
    await this.call('close');
    this.child.send({ id: 0, call: 'leave', args: [] });
    const ending = await within(this.ended, 'the process to end by itself');
    if (ending !== 0) throw new Error(`the process ended with ${ending}: ${this.stderr}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  private answer(reply: Reply): void {
    const answer = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    answer?.(reply);
  }
}
