/** Counts the system calls of running processes with `strace -c`, attached while nothing is sent yet. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Whether strace is installed. */
export function straceExists(): boolean {
  return spawnSync('strace', ['-V'], { stdio: 'ignore' }).status === 0;
}

/** One strace on one process and all its threads. */
export class SystemCallCounter {
  private readonly file: string;
  private child: ChildProcess | undefined;

  /** @param directory where strace writes its table */
  constructor(
    private readonly pid: number,
    directory: string,
  ) {
    this.file = join(directory, `strace.${pid}`);
  }

  /** Resolves when strace has attached, or has ended without. */
  async attach(): Promise<void> {
    const args = ['-c', '-f', '-p', String(this.pid), '-o', this.file];
    const child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.child = child;
    const attached = new Promise<void>((resolve) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        if (text.includes('attached')) resolve();
      });
    });
    await Promise.race([attached, once(child, 'close')]);
  }

  /** Calls counted until the process ended; `undefined` when strace wrote no table. */
  async total(): Promise<number | undefined> {
    const { child } = this;
    if (child === undefined) return undefined;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
    const table = await readFile(this.file, 'utf8').catch(() => '');
    return totalOf(table);
  }

  /** Ends strace if it still runs. */
  end(): void {
    this.child?.kill('SIGKILL');
  }
}

/** The calls in the last line of `strace -c`: `100.00 0.012 1 8123 4 total`. */
function totalOf(table: string): number | undefined {
  const line = table.split('\n').find((text) => text.trimEnd().endsWith(' total'));
  const calls = Number(line?.trim().split(/\s+/)[3]);
  return Number.isFinite(calls) ? calls : undefined;
}
