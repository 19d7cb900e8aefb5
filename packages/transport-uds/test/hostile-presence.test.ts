/** R28 over Unix sockets: what comes to the presence socket and is no notice, or is one that no process would send. */
import { expect, test } from 'vitest';
import { until } from '../../core/test/peers/watch.js';
import { RawLink } from './raw-link.js';
import { RawProcess } from './raw-process.js';
import { Scene } from './scene.js';

const MiB = 2 ** 20;
const json = (value: unknown): string => `${JSON.stringify(value)}\n`;
const ghost = { name: 'ghost', incarnation: 'e'.repeat(16), pid: 1, ports: {} };
const hello = (peer: unknown): string => json({ is: 'hello', peer });

/** Each is no notice, or one out of place. */
const garbage: Readonly<Record<string, string | Uint8Array>> = {
  'no JSON': 'hello\n',
  'an empty line': '\n',
  null: 'null\n',
  'a number': '7\n',
  'an array': '[]\n',
  'an object of nothing': '{}\n',
  'an unknown notice': json({ is: 'shutdown' }),
  __proto__: '{"__proto__":{"is":"bye"}}\n',
  'deep JSON': `${'['.repeat(60_000)}\n`,
  'invalid UTF-8': Buffer.from([0xff, 0xfe, 0x0a]),
  'a line without an end': Buffer.alloc(4 * MiB, 'x'),
  'bye before hello': json({ is: 'bye' }),
  'host before hello': json({ is: 'host', mailbox: 'm' }),
  'hello of nobody': json({ is: 'hello' }),
  'hello without ports': hello({ ...ghost, ports: null }),
  'hello with ports that are numbers': hello({ ...ghost, ports: { uds: 1 } }),
  'hello of what is no name': hello({ ...ghost, name: '../../x' }),
  'hello of what is no incarnation': hello({ ...ghost, incarnation: '../../x' }),
  'hello without a pid': hello({ ...ghost, pid: '1' }),
};

test('breaks that connection only, with a warning', async () => {
  const scene = await Scene.set();
  const before = await scene.victim.usage();
  for (const [name, bytes] of Object.entries(garbage)) {
    const link = await RawLink.connect(scene.presence, { polite: false });
    const count = (await scene.victim.warnings()).length;
    link.write(Buffer.from(bytes));
    await until(() => link.ended || link.closed, `the victim to close a connection after ${name}`);
    await until(async () => (await scene.victim.warnings()).length > count, `a warning of ${name}`);
    await scene.exchange();
  }
  const after = await scene.victim.usage();
  expect(after.peak - before.peak).toBeLessThan(32 * MiB);
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors);
  for (const { code, message } of await scene.survived()) {
    expect(code).toBe('ERR_FRAME');
    expect(message).toContain('presence connection with a process that has not said who it is closed');
  }
});

test("a hello in the victim's own name is refused", async () => {
  const scene = await Scene.set();
  const link = await RawLink.connect(scene.presence);
  link.write(Buffer.from(hello({ ...ghost, incarnation: scene.target.incarnation })));
  await until(() => link.ended, 'the victim to close');
  await scene.victim.warned('ERR_FRAME', 'presence connection');
  await scene.survived();
});

test('a process that is not there is not believed to be', async () => {
  const scene = await Scene.set();
  const link = await RawLink.connect(scene.presence);
  link.write(Buffer.from(hello(ghost)));
  await until(() => link.ended || link.closed, 'the victim to close');
  const peers = await scene.victim.call<{ name: string }[]>('peers');
  expect(peers.map(({ name }) => name)).not.toContain('ghost');
  // So does one that has joined and left before this process came to look: no reason to warn.
  expect(await scene.survived()).toEqual([]);
});

test('a good-bye in the name of another does not end that one', async () => {
  const scene = await Scene.set();
  const { honest, target } = scene;
  const link = await RawLink.connect(scene.presence);
  const incarnation = honestIncarnation(link, scene);
  link.write(Buffer.from(hello({ name: honest.name, incarnation: await incarnation, pid: 1, ports: {} })));
  link.write(Buffer.from(json({ is: 'bye' })));
  link.socket.end();
  await until(() => link.closed, 'the victim to close');
  await scene.exchange();
  const rogue = await RawProcess.join('rogue', target);
  await rogue.link();
  const peers = await scene.victim.call<{ name: string }[]>('peers');
  expect(peers.map(({ name }) => name)).toContain(honest.name);
  await scene.survived();
});

async function honestIncarnation(_link: RawLink, scene: Scene): Promise<string> {
  const peers = await scene.victim.call<{ name: string; incarnation: string }[]>('peers');
  return peers.find(({ name }) => name === scene.honest.name)?.incarnation ?? '';
}
