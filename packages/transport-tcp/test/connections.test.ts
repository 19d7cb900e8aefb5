/** Connections that are none: to nobody, to one's own socket, or of a stranger who has no business here. */
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { mailbox, peer } from '@pigeonhole/core';
import type { LinkHandler, Port, PortContext } from '@pigeonhole/core/transport';
import tcp from '@pigeonhole/transport-tcp';
import { expect, onTestFinished, test } from 'vitest';
import { within } from '../../core/test/peers/watch.js';
import { Host, noHosts } from './host.js';
import { joined, NAMESPACE, nextWarning, published, scratch } from './scene.js';

const handler: LinkHandler = { data: () => {}, drain: () => {}, end: () => {} };

async function openPort(): Promise<Port> {
  const port = await tcp().open({
    ...{ accept: () => handler, warn: () => {}, self: { name: 'a', incarnation: '0'.repeat(16) } },
  } as unknown as PortContext);
  onTestFinished(() => port.close());
  return port;
}

test('nobody there is ERR_PEER_DOWN; what is no address is ERR_TRANSPORT', async () => {
  const [port, gone] = [await openPort(), await openPort()];
  await gone.close();
  await expect(port.connect(gone.address, handler)).rejects.toMatchObject({
    code: 'ERR_PEER_DOWN',
    transport: 'tcp',
    address: gone.address,
  });
  for (const address of ['/tmp/x.uds', '127.0.0.1', '127.0.0.1:x'])
    await expect(port.connect(address, handler)).rejects.toMatchObject({ code: 'ERR_TRANSPORT' });
});

test('hosts of its own can be made for a test, or the system says why not', () => {
  if (noHosts !== null) expect(noHosts).toMatch(/ENOENT|not permitted|denied/i);
});

// With one ephemeral port left, the kernel takes that one to connect to that one: the socket is joined to itself.
test.runIf(noHosts === null)('a connection to its own socket is nobody there', () => {
  const host = Host.alone();
  const lone = 40_000;
  host.run('sysctl', '-qw', `net.ipv4.ip_local_port_range=${lone} ${lone}`);
  const script = fileURLToPath(new URL('dial.mjs', import.meta.url));
  const dial = (listen: number, port: number): unknown =>
    JSON.parse(host.run(process.execPath, script, `127.0.0.1:${listen}`, `127.0.0.1:${port}`));
  const itself = { code: 'ERR_PEER_DOWN', message: expect.stringMatching(/ended at its own socket/) };
  const noneLeft = { code: 'ERR_OS_LIMIT', message: expect.stringMatching(/ip_local_port_range/) };
  expect(dial(lone, 39_000)).toEqual(noneLeft);
  expect(dial(39_000, lone)).toEqual(itself);
});

test.runIf(noHosts === null)(
  'closing the port ends a connection that is being made to where nothing answers',
  () => {
    const host = Host.alone();
    host.run('ip', 'link', 'add', 'nowhere', 'type', 'veth', 'peer', 'name', 'end');
    for (const device of ['nowhere', 'end']) host.run('ip', 'link', 'set', device, 'up');
    host.run('ip', 'address', 'add', '10.77.0.1/24', 'dev', 'nowhere');
    host.run('ip', 'neighbour', 'replace', '10.77.0.2', 'lladdr', '02:00:00:00:00:01', 'dev', 'nowhere');
    const script = fileURLToPath(new URL('dial.mjs', import.meta.url));
    const outcome = host.run(process.execPath, script, '127.0.0.1:0', '10.77.0.2:7000', 'close');
    expect(JSON.parse(outcome)).toEqual({
      code: 'ERR_TRANSPORT',
      message: expect.stringMatching(/the port was closed/),
    });
  },
);

/** A frame of the link protocol. */
function frame(kind: number, channel: number, number: number, json: object): Buffer {
  const rest = Buffer.from(JSON.stringify(json));
  const header = Buffer.alloc(16);
  header.writeUInt32LE(12 + rest.length, 0);
  header[4] = kind;
  header.writeUInt32LE(channel, 8);
  header.writeUInt32LE(number, 12);
  return Buffer.concat([header, rest]);
}

const hello = (json: object): Buffer => frame(1, 0x4e474950, 1, { namespace: NAMESPACE, ...json });

test('a stranger with nonsense, or with a guess, gets nowhere and learns no incarnation', async () => {
  const directory = scratch();
  const [a, b] = [await joined(directory, 'a'), await joined(directory, 'b')];
  const [host = '', port] = published(directory, 'a').ports.tcp.split(':');
  const incarnations = [published(directory, 'a').incarnation, published(directory, 'b').incarnation];
  const guess = '0123456789abcdef';
  for (const [bytes, code] of [
    [Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), 'ERR_FRAME'],
    [Buffer.alloc(4096), 'ERR_FRAME'],
    [hello({ name: 'b', incarnation: guess, to: guess }), 'ERR_FENCED'],
    [hello({ name: 'b', incarnation: guess, to: incarnations[0] }), 'ERR_NOT_OURS'],
    [hello({ name: 'a', incarnation: incarnations[0], to: incarnations[0] }), 'ERR_FENCED'],
  ] as const) {
    const warned = nextWarning(a);
    const socket = connect(Number(port), host).on('error', () => {});
    let answer = '';
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
    });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(bytes);
    expect(await within(warned, 'a warning')).toMatchObject({ code, transport: 'tcp' });
    await within(closed, 'the connection to be closed');
    for (const incarnation of incarnations)
      if (!bytes.includes(incarnation as string)) expect(answer).not.toContain(incarnation);
  }
  await b.send(peer('a'), 'still here');
  expect((await a.receive(peer('b'))).body).toBe('still here');
});

test('1,000 mailboxes between two processes share one connection', async () => {
  const directory = scratch();
  const [a, b] = [await joined(directory, 'a'), await joined(directory, 'b')];
  const sockets = (): number => process.getActiveResourcesInfo().filter((kind) => /TCP/.test(kind)).length;
  const use = async (n: number): Promise<void> => {
    const [host, other] = n % 2 === 0 ? [a, b] : [b, a];
    const receiver = await host.receiver(mailbox<number>(`m${n}`));
    await other.send(mailbox<number>(`m${n}`), n);
    expect((await receiver.receive()).body).toBe(n);
  };
  for (let n = 0; n < 4; n++) await use(n);
  const few = sockets();
  for (let n = 4; n < 1000; n++) await use(n);
  expect(sockets()).toBe(few);
});
