import { expect, test } from 'vitest';
import { createRuntime, mailbox, peer } from '../dist/index.js';
import { Child, rejection, runtimeDirectory, until } from './child.js';

/** A host in another process with a receiver of mailbox 'm', and a runtime here. */
async function hosted(capacity: number) {
  const directory = await runtimeDirectory();
  const host = await Child.joined({ directory, namespace: 'n', name: 'host' });
  await host.run(async ({ core, kept }, capacity) => {
    kept.rx = await kept.runtime.receiver(core.mailbox('m', { capacity }));
  }, capacity);
  const runtime = await createRuntime({
    ...{ directory, namespace: 'n', name: 'here', transport: 'uds', config: false, logger: false },
  });
  return { host, runtime, orders: mailbox<number>('m') };
}

const takeAll = (host: Child): Promise<unknown[]> =>
  host.run(async ({ kept }) => {
    const rx = kept.rx as { tryReceive(): Promise<{ body: unknown } | null> };
    const bodies: unknown[] = [];
    for (let got = await rx.tryReceive(); got !== null; got = await rx.tryReceive()) bodies.push(got.body);
    return bodies;
  });

test('a send that gives up while the host is stopped has an unknown outcome, and says why', async () => {
  const { host, runtime, orders } = await hosted(8);
  const tx = await runtime.sender(orders);
  await tx.send(0);
  host.signal('SIGSTOP');
  const reason = new Error('enough');
  const abort = new AbortController();
  const aborted = rejection(tx.send(1, { signal: abort.signal }));
  const late = rejection(tx.send(2, { timeout: 20 }));
  abort.abort(reason);
  expect(await aborted).toMatchObject({ code: 'ERR_OUTCOME_UNKNOWN', cause: reason });
  expect(await late).toMatchObject({ code: 'ERR_OUTCOME_UNKNOWN', cause: { code: 'ERR_TIMEOUT' } });
  expect((await late).message).toMatch(
    /^gave up \(send to mailbox 'm' did not complete within timeout 20 ms\), and whoever holds the mailbox did not say within 1000 ms/,
  );
  host.signal('SIGCONT');
  await tx.send(3);
  const bodies = await takeAll(host);
  expect([bodies[0], bodies.at(-1)]).toEqual([0, 3]);
  await Promise.all([runtime.close(), host.leave()]);
});

test('a send that waits for space and gives up is withdrawn by a host that answers', async () => {
  const { host, runtime, orders } = await hosted(1);
  const tx = await runtime.sender(orders);
  await tx.send(0);
  expect((await rejection(tx.send(1, { timeout: 5 }))).code).toBe('ERR_TIMEOUT');
  expect(await takeAll(host)).toEqual([0]);
  await Promise.all([runtime.close(), host.leave()]);
});

test('a receive that gives up while the host is stopped does so at once and takes nothing', async () => {
  const { host, runtime, orders } = await hosted(8);
  const rx = await runtime.receiver(orders);
  await rx.tryReceive();
  host.signal('SIGSTOP');
  expect((await rejection(rx.receive({ timeout: 5 }))).code).toBe('ERR_TIMEOUT');
  const many = rejection(rx.receiveMany(5, { timeout: 5 }));
  expect((await many).code).toBe('ERR_TIMEOUT');
  host.signal('SIGCONT');
  await runtime.send(orders, 1);
  expect((await rx.receive()).body).toBe(1);
  await Promise.all([runtime.close(), host.leave()]);
});

test('a process ends by itself although its calls had long timeouts', async () => {
  const { host, runtime, orders } = await hosted(1);
  const child = await Child.joined({ directory: await runtimeDirectory(), namespace: 'n', name: 'child' });
  await child.run(async ({ core, kept }) => {
    const hours = { timeout: 36_000_000, signal: new AbortController().signal };
    const orders = core.mailbox<number>('m', { capacity: 1 });
    const rx = await kept.runtime.receiver(orders);
    const tx = await kept.runtime.sender(orders);
    const sends = [1, 2, 3].map((body) => tx.send(body, hours));
    await rx.receive(hours);
    await rx.receiveMany(2, hours);
    await Promise.all(sends.slice(0, 2));
    const { runtime } = kept;
    await Promise.allSettled(
      [
        rx.receive(hours),
        runtime.select([orders], { timeout: 1 }),
        runtime.receive(core.mailbox('never'), { timeout: 1 }),
      ].slice(1),
    );
    void runtime.receive(core.mailbox('never'), hours).catch(() => {});
  });
  expect(await child.leave()).toBe(0);
  await runtime.send(orders, 1, { timeout: 36_000_000 });
  await until(async () => (await takeAll(host)).length === 1, 'the message');
  await Promise.all([runtime.close(), host.leave()]);
});

test('three hundred thousand tries at once are answered, each', async () => {
  const { host, runtime, orders } = await hosted(8);
  const tx = await runtime.sender(orders);
  const outcomes = await Promise.all(Array.from({ length: 300_000 }, (_, i) => tx.trySend(i)));
  expect(outcomes.filter((accepted) => accepted)).toHaveLength(8);
  expect(await takeAll(host)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  await Promise.all([runtime.close(), host.leave()]);
});

test('a send to a mailbox or process that is not there says so when its time is over', async () => {
  const directory = await runtimeDirectory();
  const runtime = await createRuntime({ directory, transport: 'uds', config: false, logger: false });
  const calls = [
    runtime.send(mailbox('nobodys'), 1, { timeout: 1 }),
    runtime.send(peer('nobody'), 1, { timeout: 1 }),
  ];
  for (const call of calls)
    expect(await rejection(call)).toMatchObject({
      code: 'ERR_TIMEOUT',
      message: expect.stringMatching(/within timeout 1 ms: nobody was found who hosts it/),
    });
  await runtime.close();
});
