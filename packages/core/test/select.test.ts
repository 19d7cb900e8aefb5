import { expect, test } from 'vitest';
import { anyPeer, createRuntime, mailbox, peer, type Runtime } from '../dist/index.js';
import { Child, rejection, runtimeDirectory, until } from './child.js';

const common = { namespace: 'n', transport: 'uds', config: false, logger: false } as const;
const join = (directory: string, name: string, more = {}): Promise<Runtime> =>
  createRuntime({ ...common, directory, name, ...more });

/** mulberry32: the same seed gives the same test. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

test.each([1, 2, 3])(
  'each message is selected once over local, remote and memory sources, seed %i',
  async (seed) => {
    const directory = await runtimeDirectory();
    const next = random(seed);
    const remote = await Child.joined({ directory, namespace: 'n', name: 'remote' });
    await remote.run(async ({ core, kept }) => {
      await kept.runtime.receiver(core.mailbox('remote', { capacity: 4 }));
    });
    const mailboxes = { memory: { transport: 'memory' } };
    const here = await join(directory, 'here', { mailboxes });
    const sources = [
      mailbox<number>('local', { capacity: 4 }),
      mailbox<number>('remote'),
      mailbox<number>('memory', { capacity: 4 }),
      mailbox<number>('zero', { capacity: 0 }),
      anyPeer,
    ] as const;
    const total = 400;
    const taken: number[] = [];
    const selecting = Array.from({ length: 4 }, async () => {
      for (;;) {
        const got = await here
          .select(sources, next(4) === 0 ? { timeout: next(3) } : {})
          .catch((error: { code: string }) => {
            if (error.code !== 'ERR_TIMEOUT') return null;
            return 'again' as const;
          });
        if (got === null) return;
        if (got !== 'again') taken.push(got.message.body as number);
      }
    });
    const sending: Promise<void>[] = [];
    for (let i = 0; i < total; i++) {
      const at = next(5);
      const target = sources[at];
      const to = target === undefined || target.kind === 'anyPeer' ? peer<number>('here') : target;
      sending.push(here.send(to, i));
      if (next(6) === 0) await Promise.race(sending.slice(-3));
    }
    await Promise.all(sending);
    await until(() => taken.length >= total, 'every message');
    await here.close();
    await Promise.all(selecting);
    expect([...taken].sort((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, i) => i));
    expect(await remote.leave()).toBe(0);
  },
);

test('the sources that lose keep their messages, and their order', async () => {
  const directory = await runtimeDirectory();
  const host = await join(directory, 'host');
  const [a, b] = [mailbox<string>('a'), mailbox<string>('b')];
  await Promise.all([host.receiver(a), host.receiver(b)]);
  const other = await join(directory, 'other');
  for (const body of ['1', '2', '3']) await Promise.all([host.send(a, `a${body}`), host.send(b, `b${body}`)]);
  const got: string[] = [];
  for (let i = 0; i < 6; i++) got.push((await other.select([a, b])).message.body);
  expect(got.filter((body) => body.startsWith('a'))).toEqual(['a1', 'a2', 'a3']);
  expect(got.filter((body) => body.startsWith('b'))).toEqual(['b1', 'b2', 'b3']);
  await Promise.all([host.close(), other.close()]);
});

test('a busy source does not starve the others', async () => {
  const runtime = await createRuntime({
    ...common,
    transport: 'memory',
    namespace: 'select-busy',
    name: 'a',
  });
  const [busy, quiet] = [mailbox<number>('busy'), mailbox<number>('quiet')];
  await (await runtime.sender(busy)).sendMany(Array.from({ length: 100 }, (_, i) => i));
  await runtime.send(quiet, 1);
  const first = [await runtime.select([busy, quiet]), await runtime.select([busy, quiet])];
  expect(first.map(({ source }) => source.name).sort()).toEqual(['busy', 'quiet']);
  await runtime.close();
});

test('one mailbox may be given twice, and one message is taken once', async () => {
  const runtime = await createRuntime({
    ...common,
    transport: 'memory',
    namespace: 'select-twice',
    name: 'a',
  });
  const orders = mailbox<number>('m');
  const selected = runtime.select([orders, orders]);
  await runtime.send(orders, 1);
  await runtime.send(orders, 2);
  expect((await selected).message.body).toBe(1);
  expect((await runtime.receive(orders)).body).toBe(2);
  await runtime.close();
});

test('select says what was waited for and how long, and what closed', async () => {
  const runtime = await createRuntime({
    ...common,
    transport: 'memory',
    namespace: 'select-says',
    name: 'a',
  });
  const error = await rejection(runtime.select([mailbox('m')], { timeout: 15 }));
  expect(error).toMatchObject({
    code: 'ERR_TIMEOUT',
    message: 'select from its sources did not complete within timeout 15 ms',
  });
  expect((await rejection(runtime.select([]))).message).toBe(
    'select: sources is []; it must be an array of at least one mailbox, peer or anyPeer',
  );
  const closing = rejection(runtime.select([mailbox('m')]));
  await until(() => runtime.explain(mailbox('m')).capacity !== undefined, 'the mailbox to open');
  await runtime.close();
  expect(await closing).toMatchObject({ code: 'ERR_CLOSED', message: "runtime 'a' is closed" });
  expect((await rejection(runtime.select([mailbox('m')]))).message).toBe("runtime 'a' is closed");
});

test('a select that times out or is aborted takes nothing, wherever the message comes', async () => {
  const directory = await runtimeDirectory();
  const host = await join(directory, 'host');
  const orders = mailbox<number>('m');
  await host.receiver(orders);
  const other = await join(directory, 'other');
  for (let i = 0; i < 30; i++) {
    const abort = new AbortController();
    const selecting = other.select([orders, anyPeer], { signal: abort.signal }).then(
      ({ message }) => message.body,
      () => null,
    );
    const sent = host.send(orders, i);
    if (i % 2 === 0) await new Promise(setImmediate);
    abort.abort();
    await sent;
    expect((await selecting) ?? (await other.receive(orders)).body).toBe(i);
    expect(await host.tryReceive(orders)).toBe(null);
  }
  await Promise.all([host.close(), other.close()]);
});
