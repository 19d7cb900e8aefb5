import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type UdpPlace, UdpSocket, type UdpSocketOptions } from '@pigeonhole/native';
import { expect, onTestFinished, test } from 'vitest';

interface Got {
  readonly bytes: Buffer;
  readonly from: UdpPlace;
}

function open(host = '127.0.0.1', port = 0, options: UdpSocketOptions = {}) {
  const got: Got[] = [];
  let tell = (): void => {};
  const socket = new UdpSocket(
    host,
    port,
    (bytes, from) => {
      got.push({ bytes, from });
      tell();
    },
    options,
  );
  onTestFinished(() => socket.close());
  const until = async (count: number): Promise<void> => {
    while (got.length < count)
      await new Promise<void>((resolve) => {
        tell = resolve;
      });
  };
  return { socket, got, until };
}

/** What became of a datagram. */
function send(socket: UdpSocket, to: UdpPlace, ...pieces: Uint8Array[]): Promise<Error | null> {
  return new Promise((resolve) => socket.send(to, pieces, resolve));
}

test.each(['127.0.0.1', '::1'])('datagrams arrive whole, with where they came from: %s', async (host) => {
  const [a, b, c] = [open(host), open(host), open(host)];
  const to = (socket: UdpSocket): UdpPlace => socket.placeOf(a.socket.host, a.socket.port);
  for (let n = 0; n < 40; n++) {
    const { socket } = n % 3 === 0 ? b : c;
    expect(await send(socket, to(socket), Buffer.from(`${n}:`), Buffer.from('abc'))).toBeNull();
  }
  await a.until(40);
  expect(a.got.map(({ bytes }) => bytes.toString()).sort()).toEqual(
    Array.from({ length: 40 }, (_, n) => `${n}:abc`).sort(),
  );
  for (const { bytes, from } of a.got) {
    const sender = Number.parseInt(bytes.toString(), 10) % 3 === 0 ? b : c;
    expect([from.host, from.port]).toEqual([host, sender.socket.port]);
  }
  // One may answer where a datagram came from.
  const [{ from }] = a.got as [Got];
  const asked = from.port === b.socket.port ? b : c;
  expect(await send(a.socket, from, Buffer.from('back'))).toBeNull();
  await asked.until(1);
  expect(asked.got[0]?.bytes.toString()).toBe('back');
});

test('it understands, and is understood by, the sockets of Node.js', async () => {
  const { socket, got, until } = open();
  const other = createSocket('udp4');
  onTestFinished(() => void other.close());
  other.bind(0, '127.0.0.1');
  await once(other, 'listening');
  const heard = once(other, 'message');
  expect(await send(socket, socket.placeOf('127.0.0.1', other.address().port), Buffer.from('to'))).toBeNull();
  expect(String((await heard)[0])).toBe('to');
  other.send('fro', socket.port, socket.host);
  await until(1);
  expect(got[0]?.bytes.toString()).toBe('fro');
});

test('nothing, as much as IP carries, and many pieces', async () => {
  const { socket, got, until } = open('127.0.0.1', 0, { receiveBuffer: 1_048_576 });
  const self = socket.placeOf(socket.host, socket.port);
  expect(await send(socket, self)).toBeNull();
  expect(await send(socket, self, Buffer.alloc(65_507, 5))).toBeNull();
  await until(2);
  const pieces = Array.from({ length: 1_000 }, (_, n) => Uint8Array.of(n % 256));
  expect(await send(socket, self, ...pieces)).toBeNull();
  await until(3);
  expect(got.map(({ bytes }) => bytes.length)).toEqual([0, 65_507, 1_000]);
  expect(got[2]?.bytes).toEqual(Buffer.concat(pieces));
});

test('what the kernel refuses is said to whoever sent it', async () => {
  const { socket } = open();
  const self = socket.placeOf(socket.host, socket.port);
  expect(await send(socket, self, Buffer.alloc(65_508))).toMatchObject({
    code: 'ERR_TRANSPORT',
    message: expect.stringContaining(`127.0.0.1:${socket.port}: the system refused (EMSGSIZE)`),
  });
  const elsewhere = socket.placeOf('::1', socket.port);
  expect(await send(socket, elsewhere, Buffer.alloc(1))).toMatchObject({
    message: expect.stringContaining(`[::1]:${socket.port}`),
  });
  expect(await send(socket, self, Buffer.alloc(1))).toBeNull();
});

test('an address that is taken, not of this machine, or none, is refused with its name', () => {
  const { socket } = open();
  expect(() => open(socket.host, socket.port)).toThrow(
    `127.0.0.1:${socket.port}: another socket has that address (EADDRINUSE)`,
  );
  expect(() => open('192.0.2.1')).toThrow('192.0.2.1:0: that is no address of this machine (EADDRNOTAVAIL)');
  expect(() => open('localhost')).toThrow('localhost:0');
  expect(() => socket.placeOf('nowhere', 1)).toThrow('nowhere:1');
});

test('a port that is none is refused, not cut', () => {
  const { socket } = open();
  for (const port of [-1, 65_536, 1.5, Number.NaN, '80' as unknown as number]) {
    const refused = expect.objectContaining({
      code: 'ERR_CONFIG',
      message: expect.stringMatching(/^port is /),
    });
    expect(() => socket.placeOf('127.0.0.1', port)).toThrow(refused);
    expect(() => new UdpSocket('127.0.0.1', port, () => {})).toThrow(refused);
  }
});

test('where the receiver throws, the others of a batch arrive, each from where it came', () => {
  const program = fileURLToPath(new URL('udp-throw.mjs', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [program], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({ got: ['b1 b', 'b2 b', 'a2 a', 'b3 b'], thrown: 2 });
});

test('a receive buffer can be asked for; without, it is the kernel’s', () => {
  const [usual, small] = [open().socket.receiveBuffer, open('127.0.0.1', 0, { receiveBuffer: 8_192 })];
  expect(usual).toBeGreaterThan(16_384);
  // The kernel counts double (socket(7)).
  expect(small.socket.receiveBuffer).toBe(16_384);
});

test('after close nothing is reported, though it came with what closed it', async () => {
  let heard = 0;
  const receiver = new UdpSocket('127.0.0.1', 0, () => {
    heard++;
    receiver.close();
  });
  const { socket } = open();
  const to = socket.placeOf(receiver.host, receiver.port);
  for (let n = 0; n < 5; n++) expect(await send(socket, to, Buffer.alloc(1))).toBeNull();
  await new Promise<void>((resolve) => {
    const look = (): void => void (heard > 0 ? resolve() : setImmediate(look));
    look();
  });
  receiver.send(to, [Buffer.alloc(1)], () => heard++);
  receiver.close();
  await new Promise(setImmediate);
  expect(heard).toBe(1);
});

const slow = 'ip link set lo up && tc qdisc add dev lo root tbf rate 50mbit burst 100k latency 10s';
const inNamespace = (command: string) =>
  spawnSync('unshare', ['-n', 'sh', '-c', `${slow} && exec ${command}`], { encoding: 'utf8' });
const obstacle = inNamespace('true');
if (obstacle.status !== 0) console.log(`No interface can be made slow here: ${obstacle.stderr}`);

test.runIf(obstacle.status === 0)('what the send buffer has no room for waits, in order, and is sent', () => {
  const program = fileURLToPath(new URL('udp-room.mjs', import.meta.url));
  const { stdout, stderr } = inNamespace(`'${process.execPath}' '${program}'`);
  expect(stderr).toBe('');
  const { got, atOnce, taken } = JSON.parse(stdout);
  expect(got).toEqual(Array.from({ length: 12 }, (_, n) => n));
  expect(atOnce).toBeLessThan(12);
  expect(taken).toBe(12);
});
