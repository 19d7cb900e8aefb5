/** What the kernel sees of it, by strace(1): which sockets there are, and how many calls a batch costs. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mailbox } from '@pigeonhole/core';
import { expect, test } from 'vitest';
import { honestRuntime, NAMESPACE, scratch } from './scene.js';
import { Victim } from './victim.js';

const attempt = spawnSync('strace', ['-f', '-e', 'trace=none', 'true'], { encoding: 'utf8' });
const works = attempt.status === 0;

/** One call that strace saw: `name(descriptor, …) = result`. */
interface Call {
  readonly name: string;
  readonly text: string;
  readonly descriptor: number;
  readonly result: number;
}

function calls(log: string): Call[] {
  return readFileSync(log, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const match = /^\d+ +(\w+)\((\d+)?(.*)\) += (-?\d+)/.exec(line);
      if (match === null) return [];
      const [, name = '', descriptor = '-1', text = '', result = ''] = match;
      return [{ name, text, descriptor: Number(descriptor), result: Number(result) }];
    });
}

test('strace can be used here, or says why not', () => {
  if (works) expect(attempt.stderr).not.toContain('Operation not permitted');
  else expect(`${attempt.stderr}${attempt.error ?? ''}`).toMatch(/ENOENT|not permitted|PTRACE/);
});

test.runIf(works)('only Unix stream sockets, and one call for what is sent in one turn', async () => {
  const directory = scratch();
  const log = join(directory, 'log');
  const runtimes = join(directory, 'run');
  const traced = 'trace=socket,socketpair,bind,connect,accept4,write,writev,sendmsg,sendto';
  const victim = await Victim.start({ name: 'victim', namespace: NAMESPACE, directory: runtimes }, [
    ...['strace', '-f', '-qq', '-e', traced, '-e', 'signal=none', '-s', '0', '-o', log, '--'],
  ]);
  const honest = await honestRuntime(runtimes);
  const receiver = await honest.receiver(mailbox('sink', { capacity: 'unbounded' }));
  await victim.call('sender', 'sink');
  const [rounds, many] = [20, 500];
  for (let round = 0; round < rounds; round++) {
    await victim.call('burst', 'sink', many);
    await receiver.receiveMany(many);
  }
  await victim.leave();
  const seen = calls(log);

  const sockets = seen.filter(({ name }) => name === 'socket' || name === 'socketpair');
  expect(sockets.length).toBeGreaterThan(0);
  for (const { text } of sockets) expect(text).toMatch(/^AF_UNIX, SOCK_STREAM/);
  const bound = seen.filter(({ name }) => name === 'bind');
  expect(bound).toHaveLength(2);
  for (const { text } of bound) expect(text).toContain(`sun_path="${runtimes}/`);

  // The link is the connection to the other's port; what is written to it, from then on, are batches.
  const dialled = seen.findIndex(({ name, text }) => name === 'connect' && text.includes('.uds"'));
  const link = seen[dialled]?.descriptor;
  const written = seen
    .slice(dialled)
    .filter(({ name, descriptor }) => /^(write|send)/.test(name) && descriptor === link);
  const bytes = written.reduce((sum, { result }) => sum + result, 0);
  expect(bytes).toBeGreaterThan(rounds * many * 28);
  // A turn's frames are in one batch, or in two where the writer's slab of 64 KiB ended; beside them the hello, an open, a detach.
  expect(written.length).toBeLessThanOrEqual(2 * rounds + 8);
});
