import { expect, test } from 'vitest';
import { createRuntime, mailbox } from '../dist/index.js';
import { Queue } from '../src/queue.js';
import { SendOperation } from '../src/waiters.js';
import { Child, filesIn, runtimeDirectory, until } from './child.js';
import { message, TakingReceive } from './queue-operations.js';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

test('a thousand mailboxes between two processes use one link, and leave nothing', async () => {
  const directory = await runtimeDirectory();
  const host = await Child.joined({ directory, namespace: 'n', name: 'host' });
  await host.run(async ({ core, kept }) => {
    const names = Array.from({ length: 1000 }, (_, i) => core.mailbox<number>(`m${i}`, { capacity: 2 }));
    const receivers = await Promise.all(names.map((name) => kept.runtime.receiver(name)));
    kept.sum = Promise.all(
      receivers.map(async (rx) => (await rx.receive()).body + (await rx.receive()).body),
    );
  });
  const runtime = await createRuntime({
    ...{ directory, namespace: 'n', name: 'here', transport: 'uds', config: false, logger: false },
  });
  const senders = await Promise.all(upTo(1000).map((i) => runtime.sender(mailbox<number>(`m${i}`))));
  await Promise.all(senders.flatMap((tx, i) => [tx.send(i), tx.send(1)]));
  const sums = await host.run(({ kept }) => kept.sum as Promise<number[]>);
  expect(sums).toEqual(upTo(1000).map((i) => i + 1));
  const descriptors = await host.run(({ fs }) => fs.readdirSync('/proc/self/fd').length).catch(() => 0);
  expect(descriptors).toBeLessThan(60);
  await runtime.close();
  expect(await host.leave()).toBe(0);
  expect(await filesIn(directory)).toEqual([]);
});

test('ten thousand sends at once on one handle arrive once each, in order', async () => {
  const directory = await runtimeDirectory();
  const host = await Child.joined({ directory, namespace: 'n', name: 'host' });
  await host.run(async ({ core, kept }) => {
    const rx = await kept.runtime.receiver(core.mailbox<number>('m', { capacity: 16 }));
    const bodies: number[] = [];
    kept.bodies = bodies;
    void (async () => {
      for await (const { body } of rx) bodies.push(body);
    })();
  });
  const runtime = await createRuntime({
    ...{ directory, namespace: 'n', name: 'here', transport: 'uds', config: false, logger: false },
  });
  const tx = await runtime.sender(mailbox<number>('m'));
  await Promise.all(upTo(10_000).map((i) => tx.send(i)));
  const received = (): Promise<number[]> => host.run(({ kept }) => kept.bodies as number[]);
  await until(async () => (await received()).length >= 10_000, 'every message');
  expect(await received()).toEqual(upTo(10_000));
  await runtime.close();
  expect(await host.leave()).toBe(0);
});

test('a receive from a backlog of a million touches as many messages as one from a thousand', () => {
  /** How often the sender of a message is read while the first fifty are received. */
  const readsWith = (backlog: number): number => {
    const queue = new Queue('m', 'unbounded', 'fifo', Infinity);
    let reads = 0;
    const shared = message(0, 'a', 1, 0);
    const envelope = Object.defineProperty({ ...shared }, 'from', {
      get: () => {
        reads++;
        return 'a';
      },
    });
    for (let i = 0; i < backlog; i++) queue.send(new SendOperation(envelope, true));
    reads = 0;
    for (let i = 0; i < 50; i++) {
      const receive = new TakingReceive(null, true);
      queue.receive(receive);
      expect(receive.taken).toHaveLength(1);
    }
    expect(queue.size).toBe(backlog - 50);
    return reads;
  };
  expect(readsWith(1_000_000)).toBe(readsWith(1_000));
});
