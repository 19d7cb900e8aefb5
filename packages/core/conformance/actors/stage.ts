/** What one test of the actor suite gets: runtimes that meet one another, and an end that leaves nothing behind. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createRuntime, type Runtime, type RuntimeOptions } from '../../src/index.js';
import { filesIn } from '../harness.js';
import { Watchdog } from '../watchdog.js';

export interface ActorStageOptions {
  /** Its name, or `{ use: name, ...options }`. */
  transport: NonNullable<RuntimeOptions['transport']>;
  /** Milliseconds after which one wait counts as hung. Default 45,000. */
  watchdog?: number;
  /** Where the transport keeps messages that nobody has received: removes those of a namespace, given its directory. */
  discard?(namespaceDirectory: string): void;
}

/** The module of the suite's actors, built beside this one, or in `dist` when the suite runs from its sources. */
function findCast(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const found = [join(here, 'actor-cast.js'), join(here, '..', '..', 'dist', 'actor-cast.js')].find((path) =>
    existsSync(path),
  );
  if (found === undefined)
    throw new Error(`the actors of the suite are not built: no actor-cast.js beside ${here}`);
  return pathToFileURL(found).href;
}

export class ActorStage {
  readonly directory = mkdtempSync(join(tmpdir(), 'pga-'));
  readonly namespace = `a${randomBytes(4).toString('hex')}`;
  readonly watchdog: Watchdog;
  readonly cast = findCast();
  private readonly runtimes: Runtime[] = [];
  private killed = false;

  constructor(private readonly options: ActorStageOptions) {
    this.watchdog = new Watchdog(options.watchdog);
  }

  async runtime(name: string): Promise<Runtime> {
    const { directory, namespace } = this;
    const { transport } = this.options;
    const runtime = await createRuntime({
      name,
      namespace,
      directory,
      transport,
      logger: false,
      config: false,
    });
    this.runtimes.push(runtime);
    return runtime;
  }

  /** Two of them: who serves, and who asks. */
  async pair(): Promise<{ server: Runtime; client: Runtime }> {
    const [server, client] = await Promise.all([this.runtime('server'), this.runtime('client')]);
    return { server, client };
  }

  within<T>(promise: Promise<T>, what: string): Promise<T> {
    return this.watchdog.within(promise, what);
  }

  get until(): Watchdog['until'] {
    return this.watchdog.until.bind(this.watchdog);
  }

  /** SIGKILL for a process that the test has had started. */
  kill(pid: number): void {
    assert.notEqual(pid, process.pid, 'the actor runs in the process of the test');
    this.killed = true;
    process.kill(pid, 'SIGKILL');
  }

  async dispose(failed: boolean): Promise<void> {
    try {
      const closing = Promise.all(
        this.runtimes.map((runtime) => runtime.close({ deadline: failed ? 0 : 5_000 })),
      );
      await this.within(closing, 'the runtimes to close');
      if (!failed) await this.checkNothingIsLeft();
    } finally {
      this.options.discard?.(join(this.directory, this.namespace));
      rmSync(this.directory, { recursive: true, force: true });
    }
  }

  private async checkNothingIsLeft(): Promise<void> {
    if (this.killed) {
      const sweeper = await this.runtime('sweeper'); // what a killed process left is cleared by the next one that joins
      await sweeper.close();
    }
    assert.deepEqual(filesIn(this.directory), [], 'files left after every runtime closed');
  }
}

/** What a promise rejects with; fails if it does not. */
export async function rejection(
  promise: Promise<unknown>,
): Promise<Error & { code?: string; data?: unknown }> {
  try {
    await promise;
  } catch (error) {
    return error as Error & { code?: string };
  }
  throw new assert.AssertionError({ message: 'it should have rejected' });
}
