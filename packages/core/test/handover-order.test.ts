import { expect, test } from 'vitest';
import { createRuntime, mailbox, type Receiver, type Runtime } from '../dist/index.js';
import { Child, runtimeDirectory, until } from './child.js';

interface Order {
  readonly lane: number;
  readonly number: number;
}

/** Counts up in each lane and sends without pause, each lane one message after another, until `kept.stop` is set. */
async function sendSteadily(child: Child, lanes: number): Promise<void> {
  await child.run(async ({ core, kept }, lanes) => {
    const tx = await kept.runtime.sender(core.mailbox<Order>('orders', { capacity: 'unbounded' }));
    const state = { counts: new Array<number>(lanes).fill(0), stop: false, lanes: [] as Promise<void>[] };
    const lane = async (lane: number): Promise<void> => {
      while (!state.stop) await tx.send({ lane, number: (state.counts[lane] as number)++ });
    };
    state.lanes = state.counts.map((_, at) => lane(at));
    kept.state = state;
  }, lanes);
}

function stopSending(child: Child): Promise<number[]> {
  return child.run(async ({ kept }) => {
    const state = kept.state as { counts: number[]; stop: boolean; lanes: Promise<void>[] };
    state.stop = true;
    await Promise.all(state.lanes);
    return state.counts;
  });
}

test('each sender’s messages keep their order over hand-overs with several heirs', async () => {
  const directory = await runtimeDirectory();
  const options = { directory, namespace: 'n', transport: 'uds', config: false, logger: false } as const;
  const orders = mailbox<Order>('orders', { capacity: 'unbounded' });
  const sender = await Child.joined({ directory, namespace: 'n', name: 'sender' });
  const heirs: { runtime: Runtime; rx: Receiver<Order> }[] = [];
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    const runtime = await createRuntime({ ...options, name });
    heirs.push({ runtime, rx: await runtime.receiver(orders) });
  }
  await sendSteadily(sender, 4);
  const received: Order[] = [];
  for (let change = 0; change < 4; change++) {
    // A backlog builds up meanwhile, so that there is something to hand over.
    await until(async () => {
      const { capacity } = heirs[0]?.runtime.explain(orders) ?? {};
      const count = await sender.run(({ kept }) => (kept.state as { counts: number[] }).counts[0] as number);
      return capacity === 'unbounded' && count > (change + 1) * 400;
    }, 'a backlog');
    const host = heirs[0]?.runtime.explain(orders).host;
    const at = heirs.findIndex(({ runtime }) => runtime.name === host);
    const [leaving] = heirs.splice(at, 1);
    expect((await leaving?.runtime.close({ deadline: 30_000 }))?.undelivered).toEqual([]);
  }
  const counts = await stopSending(sender);
  const [last] = heirs as [{ runtime: Runtime; rx: Receiver<Order> }];
  const total = counts.reduce((sum, count) => sum + count, 0);
  while (received.length < total) received.push(...(await last.rx.receiveMany(1000)).map(({ body }) => body));
  for (const [lane, count] of counts.entries())
    expect(received.filter((order) => order.lane === lane).map(({ number }) => number)).toEqual(
      Array.from({ length: count }, (_, i) => i),
    );
  await Promise.all([sender.leave(), last.runtime.close()]);
});
