/** The services as processes of this machine. Logs share our standard streams; data never does. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { AGGREGATOR, READER } from './messages.js';
import { serviceNames } from './services.js';
import type { RunSettings } from './settings.js';
import { startProcess } from './transports.js';

const SERVICE = fileURLToPath(new URL('./service.js', import.meta.url));

/** Watchdogs, in milliseconds: for the others to end by themselves after the reader, and after SIGTERM. */
const PATIENCE = 30_000;
const GRACE = 10_000;

export class ServiceProcesses {
  readonly #children = new Map<string, ChildProcess>();
  readonly #endings: Promise<void>[] = [];
  /** Processes that were killed on purpose. */
  readonly #victims = new Set<string>();
  /** Those that did not end of their own accord. */
  readonly died: string[] = [];
  #failure: string | null = null;
  #terminating = false;

  /** `onDeath` is told who ended unasked, where the run can go on without it. */
  constructor(
    settings: RunSettings,
    readonly onDeath: (name: string) => void,
  ) {
    for (const name of serviceNames(settings)) this.#start(name, settings);
  }

  /** SIGKILL for one process, whose end is then no failure. Returns its process id, if it was alive. */
  kill(name: string): number | undefined {
    const child = this.#children.get(name);
    if (child === undefined) return undefined;
    this.#victims.add(name);
    child.kill('SIGKILL');
    return child.pid;
  }

  /** Ends every process: SIGTERM, and SIGKILL for those that do not react. */
  terminate(): void {
    if (this.#terminating) return;
    this.#terminating = true;
    for (const child of this.#children.values()) child.kill('SIGTERM');
    setTimeout(() => {
      for (const child of this.#children.values()) child.kill('SIGKILL');
    }, GRACE).unref();
  }

  /** Resolves when every process has ended, with what went wrong, if anything did. */
  async ended(): Promise<string | null> {
    await Promise.all(this.#endings);
    return this.#failure;
  }

  #start(name: string, settings: RunSettings): void {
    const child = startProcess(SERVICE, [name, JSON.stringify(settings)]);
    this.#children.set(name, child);
    this.#endings.push(this.#watch(name, child));
  }

  async #watch(name: string, child: ChildProcess): Promise<void> {
    const ending = await end(child);
    this.#children.delete(name);
    if (ending !== null) this.died.push(name);
    if (ending !== null && !this.#victims.has(name)) {
      this.#failure ??= `${name} ${ending}`;
      if (name === READER || name === AGGREGATOR) this.terminate();
      else this.onDeath(name);
    } else if (name === READER) {
      this.#expectTheEnd();
    }
  }

  /** The reader has ended well, so everybody has been told to stop. */
  #expectTheEnd(): void {
    setTimeout(() => {
      if (this.#children.size === 0) return;
      this.#failure ??= `${[...this.#children.keys()].join(', ')} did not end`;
      this.terminate();
    }, PATIENCE).unref();
  }
}

/** How a process failed, once it has ended; null: it did not. */
async function end(child: ChildProcess): Promise<string | null> {
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return code === 0 ? null : `ended with ${signal ?? `exit code ${code}`}`;
  } catch (error) {
    return `could not be started (${error instanceof Error ? error.message : String(error)})`;
  }
}
