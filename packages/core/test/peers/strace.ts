/** What strace(1) saw of a process. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const attempt = spawnSync('strace', ['-f', '-e', 'trace=none', 'true'], { encoding: 'utf8' });

/** Whether strace(1) can be used here. */
export const works = attempt.status === 0;

/** The test that there is a reason where it cannot. */
export function testStrace(): void {
  test('strace can be used here, or says why not', () => {
    if (works) expect(attempt.stderr).not.toContain('Operation not permitted');
    else expect(`${attempt.stderr}${attempt.error ?? ''}`).toMatch(/ENOENT|not permitted|PTRACE/);
  });
}

/** `name(descriptor, …) = result`. */
export interface Call {
  readonly name: string;
  readonly text: string;
  readonly descriptor: number;
  readonly result: number;
}

/** The command that runs the command after it, and writes the system calls of `traced` to `log`. */
export function straced(log: string, traced: string): string[] {
  return ['strace', '-f', '-qq', '-e', `trace=${traced}`, '-e', 'signal=none', '-s', '0', '-o', log, '--'];
}

export function calls(log: string): Call[] {
  const begun = new Map<string, string>();
  return readFileSync(log, 'utf8')
    .split('\n')
    .flatMap((part) => {
      // Where another thread's call came in between, a call is told in two parts.
      const [, thread = '', beginning] = /^(\d+) +(.*) <unfinished \.\.\.>$/.exec(part) ?? [];
      if (beginning !== undefined) begun.set(thread, beginning);
      const [, resumed = '', rest] = /^(\d+) +<\.\.\. \w+ resumed>(.*)$/.exec(part) ?? [];
      const line = rest === undefined ? part : `${resumed} ${begun.get(resumed)}${rest}`;
      const match = /^\d+ +(\w+)\((\d+)?(.*)\) += (-?\d+)/.exec(line);
      if (match === null) return [];
      const [, name = '', descriptor = '-1', text = '', result = ''] = match;
      return [{ name, text, descriptor: Number(descriptor), result: Number(result) }];
    });
}
