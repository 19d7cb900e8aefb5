/** transport: 'auto', with transports of the test's own in place of the real 'shm'. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { createRuntime, mailbox, type Runtime, type RuntimeOptions } from '../dist/index.js';
import { runtimeDirectory } from './child.js';

const uds = import.meta.resolve('@pigeonhole/transport-uds');
const home = process.cwd();
const open: Runtime[] = [];

afterEach(async () => {
  process.chdir(home);
  await Promise.all(open.splice(0).map((runtime) => runtime.close()));
});

/** A folder in which '@pigeonhole/transport-shm' is this module. */
async function place(shm: string): Promise<string> {
  const folder = await runtimeDirectory();
  const own = join(folder, 'node_modules/@pigeonhole/transport-shm');
  await mkdir(own, { recursive: true });
  await writeFile(
    join(own, 'package.json'),
    JSON.stringify({ name: '@pigeonhole/transport-shm', main: 'index.mjs' }),
  );
  await writeFile(join(own, 'index.mjs'), shm);
  return folder;
}

/** Works: the Unix sockets, under another name. */
const fast = (): Promise<string> =>
  place(`import uds from ${JSON.stringify(uds)}; export default () => ({ ...uds(), name: 'shm' });`);
/** Has no binary for this system. */
const slow = (): Promise<string> => place(`throw new Error('no binary for this system');`);
/** Loads, and does not work. */
const broken = (): Promise<string> =>
  place(`import uds from ${JSON.stringify(uds)};
export default () => ({ ...uds(), name: 'shm', open: async () => { throw new Error('/dev/shm is full'); } });`);

/** As a process that runs in that folder. */
async function start(
  folder: string,
  directory: string,
  name: string,
  more: RuntimeOptions = {},
): Promise<Runtime> {
  process.chdir(folder);
  const options = {
    name,
    directory,
    namespace: 'n',
    config: false,
    logger: false,
    transport: 'auto',
    ...more,
  } as const;
  const runtime = await createRuntime(options);
  open.push(runtime);
  return runtime;
}

const orders = mailbox<number>('orders');

async function exchange(from: Runtime, to: Runtime): Promise<void> {
  const receiver = await to.receiver(orders);
  await from.send(orders, 1);
  expect((await receiver.receive()).body).toBe(1);
  await receiver.close();
}

test('it is the fastest that works, and explain says which did not', async () => {
  const directory = await runtimeDirectory();
  const quick = await start(await fast(), directory, 'quick');
  expect(quick.explain(orders)).toMatchObject({
    transport: 'shm',
    reason: 'auto: the fastest that works here; configured (transport)',
  });
  await quick.close();
  for (const folder of [await slow(), await broken()]) {
    const plain = await start(folder, directory, 'plain');
    expect(plain.explain(orders)).toMatchObject({
      transport: 'uds',
      reason: 'auto: the fastest that works here (shm does not); configured (transport)',
    });
    await plain.close();
  }
  expect(await readdir(directory)).toEqual([]);
});

test('who comes later takes what is there already, though it could do better', async () => {
  const directory = await runtimeDirectory();
  const first = await start(await slow(), directory, 'first');
  const second = await start(await fast(), directory, 'second');
  expect(second.explain(orders)).toMatchObject({
    transport: 'uds',
    reason: "auto: process 'first' has it already; configured (transport)",
  });
  await exchange(first, second);
  await exchange(second, first);
});

test('who cannot take what is there gets an error with the choice, who made it, and what to install', async () => {
  const directory = await runtimeDirectory();
  const first = await start(await fast(), directory, 'first');
  const folder = await slow();
  const refused = start(folder, directory, 'second');
  await expect(refused).rejects.toMatchObject({ code: 'ERR_TRANSPORT', transport: 'shm' });
  await expect(refused).rejects.toThrow(
    /uses 'shm' \(process 'first' has it\).*no binary for this system.*install @pigeonhole\/transport-shm here/,
  );
  await first.close();
  const second = await start(folder, directory, 'second');
  expect(second.explain(orders).transport).toBe('uds');
  await second.close();
  expect(await readdir(directory)).toEqual([]);
});

test('of many that start at once all that start have the same, and no other fails than who cannot take it', async () => {
  const [able, unable] = [await fast(), await slow()];
  const chosen = new Set<string>();
  for (let round = 0; round < 12; round++) {
    const directory = await runtimeDirectory();
    const folders = Array.from({ length: 6 }, (_, n) => ((n + round) % 2 === 0 ? able : unable));
    const outcomes = await Promise.allSettled(folders.map((folder, n) => start(folder, directory, `p${n}`)));
    const runtimes = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    const transports = new Set(runtimes.map((runtime) => runtime.explain(orders).transport));
    expect(transports.size).toBe(1);
    for (const [n, outcome] of outcomes.entries())
      if (outcome.status === 'rejected') {
        expect(folders[n]).toBe(unable);
        expect(outcome.reason).toMatchObject({ code: 'ERR_TRANSPORT', transport: 'shm' });
        expect([...transports]).toEqual(['shm']);
      }
    for (const transport of transports) chosen.add(transport);
    await Promise.all(runtimes.map((runtime) => runtime.close()));
    expect(await readdir(directory)).toEqual([]);
  }
  expect(chosen.size).toBeGreaterThan(0);
});

test('a mailbox can have it beside a configured transport, and shares that one if it is the same', async () => {
  const directory = await runtimeDirectory();
  const folder = await slow();
  const a = await start(folder, directory, 'a', {
    transport: 'uds',
    mailboxes: { orders: { transport: 'auto' } },
  });
  const b = await start(folder, directory, 'b', { transport: { use: 'auto' } });
  expect(a.explain(orders).transport).toBe('uds');
  await exchange(a, b);
});

test('options beside it are ERR_CONFIG', async () => {
  const refused = start(home, await runtimeDirectory(), 'a', {
    transport: { use: 'auto', listen: '127.0.0.1:1' },
  });
  await expect(refused).rejects.toMatchObject({ code: 'ERR_CONFIG' });
  await expect(refused).rejects.toThrow(/'auto' has no option 'listen'/);
});

test('it is what a process that is there already is configured for, though a faster one works', async () => {
  const directory = await runtimeDirectory();
  const folder = await fast();
  const named = await start(folder, directory, 'named', { transport: 'uds' });
  const open = await start(folder, directory, 'open');
  expect(open.explain(orders)).toMatchObject({
    transport: 'uds',
    reason: "auto: process 'named' has it already; configured (transport)",
  });
  await exchange(named, open);
  await exchange(open, named);
});

test('who is configured for another transport than the others have agreed on is told so', async () => {
  const directory = await runtimeDirectory();
  const folder = await fast();
  await start(folder, directory, 'open');
  const named = await start(folder, directory, 'named', { transport: 'uds' });
  const warning = await new Promise<Error>((resolve) => named.on('warning', resolve));
  expect(warning).toMatchObject({ code: 'ERR_TRANSPORT', transport: 'shm' });
  expect(warning.message).toMatch(
    /uses 'shm' .*\(process 'open' does\).*configured for 'uds'.*two mailboxes/,
  );
  const told: Error[] = [];
  const both = await start(folder, directory, 'both', {
    transport: 'uds',
    mailboxes: { orders: { transport: 'shm' } },
  });
  both.on('warning', (error) => told.push(error));
  await exchange(both, open[0] as Runtime);
  expect(told).toEqual([]);
});

test('of one that names its transport and one that does not, started together, both have the same or one is told', async () => {
  const directory = await runtimeDirectory();
  const folder = await fast();
  for (let round = 0; round < 10; round++) {
    let told = false;
    const [named, left] = await Promise.all([
      start(folder, directory, 'named', { transport: 'uds' }).then((runtime) => {
        runtime.on('warning', () => {
          told = true;
        });
        return runtime;
      }),
      start(folder, directory, 'open'),
    ]);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(told || left.explain(orders).transport === 'uds').toBe(true);
    for (const runtime of [named, left]) {
      await runtime.close();
      open.splice(open.indexOf(runtime), 1);
    }
  }
});
