import { expect, test } from 'vitest';
import { createRuntime, mailbox, peer, type Runtime, type RuntimeOptions } from '../dist/index.js';
import { Child, filesIn, rejection, runtimeDirectory, until } from './child.js';

let worlds = 0;
const inMemory = (namespace: string, name: string, more: RuntimeOptions = {}): Promise<Runtime> =>
  createRuntime({ name, namespace, transport: 'memory', config: false, logger: false, ...more });
const overSockets = (directory: string, name: string, more: RuntimeOptions = {}): Promise<Runtime> =>
  createRuntime({ name, directory, namespace: 'n', transport: 'uds', config: false, logger: false, ...more });

test.each([0, 1, 5])(
  'direct sends wait for the successor of a process that left, inbox capacity %i',
  async (capacity) => {
    const namespace = `runtime-${++worlds}`;
    const sender = await inMemory(namespace, 'a');
    const first = await inMemory(namespace, 'b', { inbox: { capacity } });
    const sends = [1, 2, 3].map((body) => sender.send(peer<number>('b'), body));
    if (capacity === 5) await Promise.all(sends);
    await first.close();
    const second = await inMemory(namespace, 'b', { inbox: { capacity } });
    const got = [];
    for (let i = 0; i < 3; i++) got.push((await second.receive(peer<number>('a'), { timeout: 20_000 })).body);
    expect(got).toEqual([1, 2, 3]);
    await Promise.all(sends);
    await Promise.all([sender.close(), second.close()]);
  },
);

test('closing again and again gives one report, and everything after says that it is closed', async () => {
  const runtime = await inMemory(`runtime-${++worlds}`, 'a');
  const orders = mailbox<number>('m', { capacity: 1 });
  const tx = await runtime.sender(orders);
  const rx = await runtime.receiver(orders);
  await tx.send(1);
  const waiting = rejection(tx.send(2));
  const [report, again] = await Promise.all([runtime.close(), runtime.close({ deadline: 5 })]);
  expect(again).toBe(report);
  expect(report.unsent).toBe(1);
  expect((await waiting).code).toBe('ERR_CLOSED');
  const calls: (() => Promise<unknown>)[] = [
    () => tx.send(3),
    () => tx.trySend(3),
    () => rx.receive(),
    () => rx.receiveMany(2),
    () => runtime.send(orders, 1),
    () => runtime.receive(orders),
    () => runtime.sender(orders),
    () => runtime.receiver(orders),
    () => runtime.select([orders]),
  ];
  for (const call of calls) expect((await rejection(Promise.resolve().then(call))).code).toBe('ERR_CLOSED');
});

test('leaving waits no longer for a stopped process than it was told to', async () => {
  const directory = await runtimeDirectory();
  const runtime = await overSockets(directory, 'here');
  await runtime.receiver(mailbox('m'));
  const child = await Child.joined({ directory, namespace: 'n', name: 'child' });
  await child.run(async ({ core, kept }) => {
    await kept.runtime.send(core.mailbox('m'), 1);
    await kept.runtime.receiver(core.mailbox('m'));
  });
  child.signal('SIGSTOP');
  expect(await runtime.close({ deadline: 50 })).toEqual({
    undelivered: [{ mailbox: 'm', count: 1 }],
    unsent: 0,
  });
  child.signal('SIGCONT');
  await until(
    () => child.run(({ core, kept }) => kept.runtime.explain(core.mailbox('m')).host === 'child'),
    'its turn',
  );
  expect(await child.leave()).toBe(0);
  expect(await filesIn(directory)).toEqual([]);
});

test('a failed open leaves no opinion about the mailbox behind', async () => {
  const directory = await runtimeDirectory();
  const host = await overSockets(directory, 'host');
  await host.receiver(mailbox('m', { capacity: 10, ordering: 'priority' }));
  const other = await overSockets(directory, 'other');
  expect((await rejection(other.sender(mailbox('m', { capacity: 5 })))).code).toBe('ERR_CAPACITY_MISMATCH');
  expect((await rejection(other.receiver(mailbox('m', { ordering: 'fifo' })))).code).toBe('ERR_CONFIG');
  await (await other.sender(mailbox('m'))).send(1);
  await (await other.sender(mailbox('m', { capacity: 10 }))).send(2);
  expect(other.explain(mailbox('m')).capacity).toBe(10);
  await Promise.all([host.close(), other.close()]);
});

test('a sender that guessed the capacity wrong before there was a host hears of it at each send', async () => {
  const directory = await runtimeDirectory();
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  const early = await overSockets(directory, 'early');
  const tx = await early.sender(mailbox<number>('m', { capacity: 5 }));
  const waiting = rejection(tx.send(1));
  const host = await overSockets(directory, 'host');
  await host.receiver(mailbox('m', { capacity: 10 }));
  for (const error of [await waiting, await rejection(tx.send(2)), await rejection(tx.trySend(3))]) {
    expect(error.code).toBe('ERR_CAPACITY_MISMATCH');
    expect(error.message).toContain('has capacity 10; it was opened with capacity 5');
  }
  await new Promise(setImmediate);
  expect(unhandled).toEqual([]);
  process.off('unhandledRejection', note);
  await Promise.all([host.close(), early.close()]);
});

test('once such a sender is closed, another may adopt what the mailbox is', async () => {
  const directory = await runtimeDirectory();
  const early = await overSockets(directory, 'early');
  const wrong = await early.sender(mailbox<number>('m', { capacity: 5 }));
  const host = await overSockets(directory, 'host');
  const rx = await host.receiver(mailbox<number>('m', { capacity: 10 }));
  expect((await rejection(wrong.send(1))).code).toBe('ERR_CAPACITY_MISMATCH');
  await wrong.close();
  const right = await early.sender(mailbox<number>('m'));
  await right.send(2);
  expect((await rx.receive()).body).toBe(2);
  await Promise.all([host.close(), early.close()]);
});
