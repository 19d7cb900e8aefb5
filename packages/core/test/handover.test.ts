import { expect, test } from 'vitest';
import { createRuntime, type MailboxAddress, type Message, mailbox, type Runtime } from '../dist/index.js';
import { Child, filesIn, rejection, runtimeDirectory, until } from './child.js';

const join = (directory: string, name: string): Promise<Runtime> =>
  createRuntime({ name, directory, namespace: 'n', transport: 'uds', config: false, logger: false });

/** Reads a mailbox from now on, keeping what comes. */
async function collect(runtime: Runtime, from: MailboxAddress<number>): Promise<number[]> {
  const bodies: number[] = [];
  const rx = await runtime.receiver(from);
  void (async () => {
    for await (const { body } of rx) bodies.push(body);
  })();
  return bodies;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

test('what the leaving host holds goes to a surviving receiver, in order', async () => {
  const directory = await runtimeDirectory();
  const orders = mailbox<number>('orders', { capacity: 'unbounded' });
  const host = await join(directory, 'host');
  await host.receiver(orders);
  const heir = await join(directory, 'heir');
  const rx = await heir.receiver(orders);
  const sender = await join(directory, 'sender');
  const tx = await sender.sender(orders);
  await tx.sendMany(upTo(2000));
  const report = await host.close({ deadline: 30_000 });
  await tx.sendMany(upTo(3000).slice(2000));
  const received: number[] = [];
  while (received.length < 3000) received.push((await rx.receive()).body);
  expect(received).toEqual(upTo(3000));
  expect(report).toEqual({ undelivered: [], unsent: 0 });
  await Promise.all([heir.close(), sender.close()]);
  expect(await filesIn(directory)).toEqual([]);
});

test('without a surviving receiver the report counts what went with the host', async () => {
  const directory = await runtimeDirectory();
  const host = await join(directory, 'host');
  const [a, b] = [mailbox<number>('a'), mailbox<number>('b')];
  await host.receiver(a);
  await host.receiver(b);
  const sender = await join(directory, 'sender');
  await (await sender.sender(a)).sendMany(upTo(7));
  await (await sender.sender(b)).sendMany(upTo(3));
  const { undelivered } = await host.close();
  expect([...undelivered].sort((x, y) => y.count - x.count)).toEqual([
    { mailbox: 'a', count: 7 },
    { mailbox: 'b', count: 3 },
  ]);
  await sender.close();
  expect(await filesIn(directory)).toEqual([]);
});

test.each([0, 1, 8, 'unbounded' as const])(
  'sends of another process that are under way go on to the next host, capacity %s',
  async (capacity) => {
    const directory = await runtimeDirectory();
    const orders = mailbox<number>('orders', { capacity });
    const sender = await Child.joined({ directory, namespace: 'n', name: 'sender' });
    let host = await join(directory, 'host0');
    const received = [await collect(host, orders)];
    await sender.run(async ({ core, kept }) => {
      const tx = await kept.runtime.sender(core.mailbox<number>('orders'));
      const state = { next: 0, stop: false, errors: [] as string[], lanes: [] as Promise<void>[] };
      const lane = async (): Promise<void> => {
        while (!state.stop)
          await tx.send(state.next++).catch((error: Error) => void state.errors.push(error.message));
      };
      state.lanes = Array.from({ length: 64 }, lane);
      kept.state = state;
    });
    for (let change = 1; change <= 5; change++) {
      await until(() => (received.at(-1) as number[]).length > 100, `traffic at host ${change - 1}`);
      const heir = await join(directory, `host${change}`);
      received.push(await collect(heir, orders));
      expect((await host.close({ deadline: 30_000 })).undelivered).toEqual([]);
      host = heir;
    }
    const sent = await sender.run(async ({ kept }) => {
      const state = kept.state as { next: number; stop: boolean; errors: string[]; lanes: Promise<void>[] };
      state.stop = true;
      await Promise.all(state.lanes);
      return { count: state.next, errors: state.errors };
    });
    expect(sent.errors).toEqual([]);
    await until(() => received.flat().length >= sent.count, 'every message');
    expect(received.flat().sort((a, b) => a - b)).toEqual(upTo(sent.count));
    expect(await sender.leave()).toBe(0);
    await host.close();
    expect(await filesIn(directory)).toEqual([]);
  },
);

test('a host that takes over keeps the capacity and the ordering', async () => {
  const directory = await runtimeDirectory();
  const host = await join(directory, 'host');
  await host.receiver(mailbox('m', { capacity: 3, ordering: 'priority' }));
  const heir = await join(directory, 'heir');
  const rx = await heir.receiver(mailbox<number>('m'));
  const sender = await join(directory, 'sender');
  const tx = await sender.sender(mailbox<number>('m'));
  await host.close();
  await until(() => heir.explain(mailbox('m')).host === 'heir', 'the heir to host');
  for (const priority of [1, 5, 3]) await tx.send(priority, { priority });
  expect(await tx.trySend(9)).toBe(false);
  expect([await rx.receive(), await rx.receive(), await rx.receive()].map(({ body }) => body)).toEqual([
    5, 3, 1,
  ]);
  await Promise.all([heir.close(), sender.close()]);
});

test('a mailbox that has died out may come back as another', async () => {
  const directory = await runtimeDirectory();
  const host = await join(directory, 'host');
  await host.receiver(mailbox('m', { capacity: 3 }));
  const other = await join(directory, 'other');
  await (await other.sender(mailbox('m'))).close();
  await host.close();
  await other.receiver(mailbox('m', { capacity: 4 }));
  expect(other.explain(mailbox('m')).capacity).toBe(4);
  await other.close();
});

test('a process that has closed its receivers is not the heir', async () => {
  const directory = await runtimeDirectory();
  const orders = mailbox<number>('orders');
  const host = await join(directory, 'host');
  await host.receiver(orders);
  const former = await join(directory, 'former');
  await (await former.receiver(orders)).close();
  const heir = await join(directory, 'heir');
  const rx = await heir.receiver(orders);
  await (await host.sender(orders)).sendMany(upTo(5));
  const { undelivered } = await host.close();
  expect(undelivered).toEqual([]);
  expect((await rx.receiveMany(5)).map(({ body }) => body)).toEqual(upTo(5));
  await Promise.all([heir.close(), former.close()]);
});

test('with no receiver left but closed ones the report comes at once', async () => {
  const directory = await runtimeDirectory();
  const orders = mailbox<number>('orders');
  const host = await join(directory, 'host');
  await host.receiver(orders);
  const former = await join(directory, 'former');
  await (await former.receiver(orders)).close();
  await (await host.sender(orders)).sendMany(upTo(5));
  await former.send(orders, 5); // so the host has heard that the receiver is closed
  const { undelivered } = await host.close({ deadline: 2 ** 30 });
  expect(undelivered).toEqual([{ mailbox: 'orders', count: 6 }]);
  await former.close();
});

test('many mailboxes are handed over at once', async () => {
  const directory = await runtimeDirectory();
  const names = upTo(200).map((i) => mailbox<number>(`m${i}`));
  const host = await join(directory, 'host');
  const heir = await join(directory, 'heir');
  await Promise.all(names.map((name) => host.receiver(name)));
  const receivers = await Promise.all(names.map((name) => heir.receiver(name)));
  await Promise.all(names.map(async (name) => (await host.sender(name)).sendMany(upTo(5))));
  expect(await host.close({ deadline: 30_000 })).toEqual({ undelivered: [], unsent: 0 });
  for (const rx of receivers) {
    const bodies: number[] = [];
    while (bodies.length < 5) bodies.push((await rx.receive()).body);
    expect(bodies).toEqual(upTo(5));
  }
  await heir.close();
  expect(await filesIn(directory)).toEqual([]);
});

test('of three receivers one takes over a killed host, and blocked senders go on', async () => {
  const directory = await runtimeDirectory();
  const options = { directory, namespace: 'n' };
  const host = await Child.joined({ ...options, name: 'host' });
  await host.run(async ({ core, kept }) => {
    await kept.runtime.receiver(core.mailbox('orders', { capacity: 2 }));
  });
  const orders = mailbox<number>('orders');
  const survivors = await Promise.all(['x', 'y', 'z'].map((name) => join(directory, name)));
  const lost: { host: string; lost: number }[] = [];
  for (const survivor of survivors) survivor.on('mailbox:lost', (event) => void lost.push(event));
  const receivers = await Promise.all(survivors.map((survivor) => survivor.receiver(orders)));
  const sender = await join(directory, 'sender');
  const tx = await sender.sender(orders);
  expect([await tx.trySend(0), await tx.trySend(1), await tx.trySend(2)]).toEqual([true, true, false]);
  const blocked = rejection(tx.send(3));
  host.signal('SIGKILL');
  expect((await blocked).code).toBe('ERR_OUTCOME_UNKNOWN'); // it was on its way to the host
  await host.exit;
  await until(() => lost.length === 3, 'the loss to be reported');
  expect(lost.every((event) => event.host === 'host')).toBe(true);
  const hosts = (): (string | null)[] => survivors.map((survivor) => survivor.explain(orders).host);
  await until(() => new Set(hosts()).size === 1 && hosts()[0] !== null, 'one host for all');
  const taken: Message<number>[] = [];
  for (const rx of receivers)
    void (async () => {
      for await (const message of rx) taken.push(message);
    })();
  await tx.sendMany(upTo(30));
  await until(() => taken.length === 30, 'every message');
  expect(taken.map(({ body }) => body).sort((a, b) => a - b)).toEqual(upTo(30));
  await Promise.all([sender, ...survivors].map((runtime) => runtime.close()));
  expect(await filesIn(directory)).toEqual([]);
});
