/** What is wrong with an argument is said by name, as an `ERR_CONFIG`, wherever a slip would else do something else than was meant. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { anyPeer, createRuntime, defineActor, mailbox, peer, type Runtime, topic } from '../dist/index.js';
import { nearest } from '../src/config/suggestion.js';
import { Child, rejection, runtimeDirectory } from './child.js';

const idle = defineActor('a', { handlers: { work: () => {} } });

async function alone(): Promise<Runtime> {
  const runtime = await createRuntime({ name: 'a', transport: 'memory', config: false, logger: false });
  onTestFinished(() => runtime.close().then(() => {}));
  return runtime;
}

test.each([
  [
    () => mailbox('m', { capcity: 5 } as object),
    "mailbox 'm' has no option 'capcity'; did you mean 'capacity'?",
  ],
  [() => mailbox('m', 5 as never), "options of mailbox 'm' are 5; they must be an object"],
  [() => mailbox('m', null as never), "options of mailbox 'm' are null; they must be an object"],
  [() => peer('p', { capacity: 5 } as object), "peer 'p' has no option 'capacity'; it has: schema"],
])('an address with %s is refused', (make, message) => {
  expect(make).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG', message: expect.stringContaining(message) }),
  );
});

test('a signal that is none is refused by every call, and a body of sendMany that is no list', async () => {
  const runtime = await alone();
  const box = mailbox('m');
  const sender = await runtime.sender(box);
  for (const signal of [{}, 'x', null, 5]) {
    const options = { signal } as never;
    for (const call of [
      runtime.send(box, 1, options),
      runtime.receive(box, options),
      runtime.select([box], options),
      sender.sendMany([1], options),
    ])
      expect(await rejection(call)).toMatchObject({
        code: 'ERR_CONFIG',
        message: expect.stringMatching(/^(.*: )?option signal is .*; it must be an AbortSignal/),
      });
  }
  for (const bodies of [undefined, null, 5, {}])
    expect(await rejection(sender.sendMany(bodies as never))).toMatchObject({
      code: 'ERR_CONFIG',
      message: expect.stringMatching(/sendMany: bodies is .*; it must be an iterable/),
    });
  expect(await runtime.tryReceive(box)).toBe(null);
});

test('options that are no object are refused by every call', async () => {
  const runtime = await alone();
  const box = mailbox('m');
  const [sender, receiver] = [await runtime.sender(box), await runtime.receiver(box)];
  for (const options of [100, null, 'x'] as never[])
    for (const call of [
      () => sender.send(1, options),
      () => sender.trySend(1, options),
      () => sender.sendMany([1], options),
      () => receiver.receive(options),
      () => receiver.tryReceive(options),
      () => receiver.receiveMany(1, options),
      () => runtime.select([box], options),
    ])
      expect(await rejection(call())).toMatchObject({
        code: 'ERR_CONFIG',
        message: expect.stringMatching(/options of .* are .*; they must be an object/),
      });
  expect(await receiver.tryReceive()).toBe(null);
});

test('an option that a call has not is refused by every call, which does nothing', async () => {
  const runtime = await alone();
  const box = mailbox('m');
  const raw = mailbox<Uint8Array>('r', { codec: 'raw' });
  const [sender, receiver] = [await runtime.sender(box), await runtime.receiver(box)];
  const lender = await runtime.sender(raw);
  const [actor, news] = [runtime.ref('nobody') as never as Record<string, Record<string, Verb>>, topic('t')];
  type Verb = (arg: unknown, options: object) => Promise<unknown>;
  const slip = { timout: 50 } as never;
  for (const [of, call] of [
    ["a call on mailbox 'm'", () => sender.send(1, slip)],
    ["a call on mailbox 'm'", () => sender.trySend(1, slip)],
    ["a call on mailbox 'm'", () => sender.sendMany([1], slip)],
    ["a call on mailbox 'r'", () => lender.loan(4).commit(slip)],
    ["a call on mailbox 'm'", () => runtime.send(box, 1, slip)],
    ["a call on mailbox 'm'", () => receiver.receive(slip)],
    ["a call on mailbox 'm'", () => receiver.tryReceive(slip)],
    ["a call on mailbox 'm'", () => receiver.receiveMany(1, slip)],
    ["a call on mailbox 'm'", () => runtime.receive(box, slip)],
    ['a call on its sources', () => runtime.select([box], slip)],
    ['nobody.work', () => actor.tell?.work?.(1, slip)],
    ['nobody.work', () => actor.ask?.work?.(1, slip)],
    ["publish to topic 't'", () => runtime.publish(news, 1, slip)],
  ] as [string, () => Promise<unknown>][])
    expect(await rejection(call()), of).toMatchObject({
      code: 'ERR_CONFIG',
      message: expect.stringContaining(
        `${of} has no option 'timout'; did you mean 'timeout'?; it has: timeout`,
      ),
    });
  expect(() => actor.stream?.work?.(1, slip)).toThrow("nobody.work has no option 'timout'");
  const subscribing = runtime.subscribe(news, { overflow: 'wait', capcity: 5 } as never);
  expect((await rejection(subscribing)).message).toMatch("has no option 'capcity'; did you mean 'capacity'?");
  for (const [of, call] of [
    ["spawn of actor 'a'", () => runtime.spawn(idle, undefined, { instnces: 4 } as never)],
    ['close of the runtime', () => runtime.close({ dedline: 1 } as never)],
    ['stop of the runtime', () => runtime.stop({ dedline: 1 } as never)],
  ] as [string, () => Promise<unknown>][])
    expect(await rejection(call()), of).toMatchObject({
      code: 'ERR_CONFIG',
      message: expect.stringMatching(`^${of} has no option '.*'; did you mean '(instances|deadline)'`),
    });
  expect(await rejection(runtime.stop({ deadline: -1 }))).toMatchObject({ code: 'ERR_CONFIG' });
  expect(await receiver.tryReceive()).toBe(null);
});

test('options that an object inherits are its own affair', async () => {
  const runtime = await alone();
  const box = mailbox('m');
  const inherited = Object.create({ helper: () => {}, timeout: 1 });
  expect((await rejection(runtime.receive(box, inherited))).code).toBe('ERR_TIMEOUT');
  Object.defineProperty(Object.prototype, 'polluting', { value: 1, enumerable: true, configurable: true });
  try {
    await runtime.send(mailbox('n', {}), 1, {});
    await (await runtime.sender(mailbox('n'))).sendMany([2]);
  } finally {
    Reflect.deleteProperty(Object.prototype, 'polluting');
  }
  expect((await runtime.receive(mailbox('n'))).body).toBe(1);
});

test('nothing is sent to anyPeer', async () => {
  const runtime = await alone();
  for (const sending of [runtime.send(anyPeer as never, 1 as never), runtime.sender(anyPeer as never)])
    expect(await rejection(sending)).toMatchObject({
      code: 'ERR_CONFIG',
      message: expect.stringContaining('anyPeer is to receive from; send to peer(name) or a mailbox'),
    });
  expect(await runtime.tryReceive(anyPeer)).toBe(null);
});

test('letters that changed places are one slip', () => {
  expect(nearest('usd', ['memory', 'shm', 'uds', 'tcp', 'udp'])).toBe('uds');
  expect(nearest('mqueeu', ['mqueue', 'uds'])).toBe('mqueue');
  expect(nearest('nats', ['memory', 'shm', 'uds'])).toBe(undefined);
});

test('a transport whose native package is not installed says so', async () => {
  const folder = join(await runtimeDirectory(), 'app');
  const from = join(folder, 'node_modules', '@pigeonhole', 'transport-shm');
  await mkdir(from, { recursive: true });
  await writeFile(
    join(from, 'package.json'),
    '{"name":"@pigeonhole/transport-shm","type":"module","exports":"./index.js"}',
  );
  await writeFile(join(from, 'index.js'), "import '@pigeonhole/native';\nexport default () => ({});\n");
  await writeFile(join(folder, 'package.json'), '{}');
  const before = process.cwd();
  process.chdir(folder);
  try {
    expect(
      await rejection(createRuntime({ name: 'a', transport: 'shm', config: false, logger: false })),
    ).toMatchObject({
      code: 'ERR_NATIVE_UNAVAILABLE',
      message: expect.stringMatching(
        /^transport 'shm' needs the package @pigeonhole\/native, .*npm install .*uds, tcp/,
      ),
    });
  } finally {
    process.chdir(before);
  }
});

test('who closes while the host is stopped does not report it lost', async () => {
  const directory = await runtimeDirectory();
  const child = await Child.joined({ directory, namespace: 'n', name: 'host' });
  await child.run(({ core, kept }) => kept.runtime.receiver(core.mailbox('m')).then(() => {}));
  const runtime = await createRuntime({
    name: 'a',
    directory,
    namespace: 'n',
    transport: 'uds',
    config: false,
    logger: false,
    closeDeadline: 50,
  });
  const lost: unknown[] = [];
  runtime.on('mailbox:lost', (event) => void lost.push(event));
  for (let i = 0; i < 20; i++) await runtime.send(mailbox('m'), i);
  child.signal('SIGSTOP');
  const last = rejection(runtime.send(mailbox('m'), 20));
  expect(await runtime.close()).toMatchObject({ unsent: 1 });
  expect((await last).code).toMatch(/^ERR_(OUTCOME_UNKNOWN|CLOSED)$/);
  expect(lost).toEqual([]);
  child.signal('SIGCONT');
  const first = await child.run(({ core, kept }) =>
    kept.runtime.receive(core.mailbox('m')).then(({ body }: { body: unknown }) => body),
  );
  expect(first).toBe(0);
});
