import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type SpawnProcessOptions, spawnProcess } from '@pigeonhole/transport-pipe';
import { onTestFinished } from 'vitest';

export const script = fileURLToPath(new URL('family.mjs', import.meta.url));

export function scratch(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'pp-')));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A child of this process, which does as it is told (`family.mjs`). */
export class Child {
  private next = 0;

  private constructor(readonly process: ChildProcess) {}

  static async start(options: SpawnProcessOptions = {}): Promise<Child> {
    const child = new Child(
      spawnProcess(script, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [], ...options }),
    );
    onTestFinished(async () => {
      if (child.process.exitCode !== null || child.process.signalCode !== null) return;
      const gone = once(child.process, 'exit');
      child.process.kill('SIGKILL');
      await gone;
    });
    await once(child.process, 'message');
    return child;
  }

  call<T = unknown>(order: string, value?: unknown): Promise<T> {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      const answer = (reply: { id: number; result: T; error?: string }): void => {
        if (reply.id !== id) return;
        this.process.off('message', answer);
        if (reply.error === undefined) resolve(reply.result);
        else reject(new Error(reply.error));
      };
      this.process.on('message', answer);
      this.process.send({ id, order, value });
    });
  }

  async kill(): Promise<void> {
    const gone = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await gone;
  }
}

/** Asks until it holds. The runner's watchdog ends a test that waits for ever. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}
