/** What the kernel sees of it, by strace(1): which sockets there are, and how many calls a batch costs. */
import { join } from 'node:path';
import { mailbox } from '@pigeonhole/core';
import { expect, test } from 'vitest';
import { calls, straced, testStrace, works } from '../../core/test/peers/strace.js';
import { honestRuntime, NAMESPACE, scratch } from './scene.js';
import { Victim } from './victim.js';

testStrace();

test.runIf(works)('only Unix stream sockets, and one call for what is sent in one turn', async () => {
  const directory = scratch();
  const log = join(directory, 'log');
  const runtimes = join(directory, 'run');
  const traced = 'socket,socketpair,bind,connect,accept4,write,writev,sendmsg,sendto';
  const victim = await Victim.start(
    { name: 'victim', namespace: NAMESPACE, directory: runtimes },
    straced(log, traced),
  );
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
  // A turn's frames: 16 KiB leave in its midst, the rest at its end, and now and then the writer's slab of 64 KiB ends in between; beside them the hello, an open, a detach.
  expect(written.length).toBeLessThanOrEqual(3 * rounds + 8);
});
