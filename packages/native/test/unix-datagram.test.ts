import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { type Credentials, DatagramReceiver, DatagramSender } from '@pigeonhole/native';
import { expect, onTestFinished, test } from 'vitest';
import { scratch } from './scratch.js';

interface Got {
  readonly bytes: string | null;
  readonly from: Credentials;
}

function receiverAt(path: string, options: { maxBytes?: number } = {}) {
  const got: Got[] = [];
  let tell = (): void => {};
  const receiver = new DatagramReceiver(
    path,
    (bytes, from) => {
      got.push({ bytes: bytes === null ? null : Buffer.from(bytes).toString(), from });
      tell();
    },
    options,
  );
  onTestFinished(() => receiver.close());
  const until = async (count: number): Promise<void> => {
    while (got.length < count)
      await new Promise<void>((resolve) => {
        tell = resolve;
      });
  };
  return { receiver, got, until };
}

test('datagrams arrive whole, in order, with who sent them', async () => {
  const path = scratch();
  const { got, until } = receiverAt(path);
  const sender = new DatagramSender(path);
  for (let i = 0; i < 8; i++)
    expect(sender.send(Buffer.from(`${i}:`), Buffer.from('abcdef'), 1, 4)).toBe(true);
  await until(8);
  expect(got.map(({ bytes }) => bytes)).toEqual(Array.from({ length: 8 }, (_, i) => `${i}:bcd`));
  for (const { from } of got)
    expect(from).toEqual({ pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() });
  sender.close();
});

test('the socket is for this user only and replaces nothing', () => {
  const path = scratch();
  const mask = process.umask(0);
  try {
    receiverAt(path);
  } finally {
    process.umask(mask);
  }
  expect(lstatSync(path).mode & 0o777).toBe(0o600);
  expect(() => new DatagramReceiver(path, () => {})).toThrow(expect.objectContaining({ code: 'ERR_IN_USE' }));
});

test('a path that the kernel would cut is refused', () => {
  const path = `${scratch()}-${'x'.repeat(108)}`;
  for (const open of [() => new DatagramReceiver(path, () => {}), () => new DatagramSender(path)])
    expect(open).toThrow(expect.objectContaining({ code: 'ERR_PATH_TOO_LONG' }));
});

test('where nobody receives, and where something else is, opening fails and says which', async () => {
  const path = scratch();
  expect(() => new DatagramSender(path)).toThrow(expect.objectContaining({ code: 'ERR_PEER_DOWN' }));
  const file = scratch();
  writeFileSync(file, '');
  expect(() => new DatagramSender(file)).toThrow(expect.objectContaining({ code: 'ERR_PEER_DOWN' }));
  const stream = scratch();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(stream, resolve));
  expect(() => new DatagramSender(stream)).toThrow(
    expect.objectContaining({ code: 'ERR_TRANSPORT', message: expect.stringContaining('EPROTOTYPE') }),
  );
  await new Promise((resolve) => server.close(resolve));
});

test('a full queue is no error, room is told of, and the loop waits asleep', async () => {
  const path = scratch();
  const { receiver, got, until } = receiverAt(path);
  let tell = (): void => {};
  const room = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const sender = new DatagramSender(path, { onRoom: () => tell() });
  let sent = 0;
  while (sender.send(Buffer.from(`${sent}`))) sent++;
  expect(sent).toBeGreaterThan(0);
  sender.awaitRoom();
  receiver.drain(1);
  await room;
  expect(sender.send(Buffer.from('more'))).toBe(true);
  await until(sent + 1);
  expect(got.at(-1)?.bytes).toBe('more');
  sender.close();
});

test('what one receiver leaves lying takes no room from another', () => {
  const [full, free] = [scratch(), scratch()];
  receiverAt(full);
  receiverAt(free);
  const [toFull, toFree] = [new DatagramSender(full), new DatagramSender(free)];
  const body = new Uint8Array(60_000);
  while (toFull.send(body));
  expect(toFree.send(body)).toBe(true);
  toFull.close();
  toFree.close();
});

test('a datagram that is too long is told of as such, and costs the others nothing', async () => {
  const path = scratch();
  const { got, until } = receiverAt(path, { maxBytes: 10 });
  const sender = new DatagramSender(path);
  for (const text of ['short', 'far too long', '', '0123456789']) sender.send(Buffer.from(text));
  await until(4);
  expect(got.map(({ bytes }) => bytes)).toEqual(['short', null, '', '0123456789']);
  expect(sender.maxBytes).toBeGreaterThan(65_536);
  expect(() => sender.send(new Uint8Array(sender.maxBytes + 1))).toThrow(
    expect.objectContaining({ code: 'ERR_TRANSPORT', message: expect.stringContaining('EMSGSIZE') }),
  );
  expect(() => sender.send(Buffer.from('a'), Buffer.from('b'), 1, 5)).toThrow(RangeError);
  sender.close();
});

test('a send to a receiver that is gone says so, also after its file has gone', () => {
  const path = scratch();
  const { receiver } = receiverAt(path);
  const sender = new DatagramSender(path);
  unlinkSync(path);
  expect(sender.send(Buffer.from('a'))).toBe(true);
  receiver.close();
  for (let i = 0; i < 2; i++)
    expect(() => sender.send(Buffer.from('a'))).toThrow(expect.objectContaining({ code: 'ERR_PEER_DOWN' }));
  sender.close();
  expect(() => sender.send(Buffer.from('a'))).toThrow(expect.objectContaining({ code: 'ERR_PEER_DOWN' }));
  receiver.drain(10);
});

test('a receiver that goes while somebody waits for room there wakes them', async () => {
  const path = scratch();
  const { receiver } = receiverAt(path);
  let tell = (): void => {};
  const room = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const sender = new DatagramSender(path, { onRoom: () => tell() });
  while (sender.send(Buffer.from('x')));
  sender.awaitRoom();
  receiver.close();
  await room;
  expect(() => sender.send(Buffer.from('x'))).toThrow(expect.objectContaining({ code: 'ERR_PEER_DOWN' }));
  sender.close();
});

const python = `
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
fds = array.array('i', [os.open(sys.argv[2], os.O_RDONLY) for _ in range(5)])
s.connect(sys.argv[1])
s.sendmsg([b'gift'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
`;

test('descriptors that a stranger sends along do not come in', async () => {
  const [path, gift] = [scratch(), scratch()];
  const { got, until } = receiverAt(path);
  const gifts = (): number =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === gift;
      } catch {
        return false; // of the listing itself
      }
    }).length;
  writeFileSync(gift, '');
  execFileSync('python3', ['-c', python, path, gift]);
  await until(1);
  expect(got[0]?.bytes).toBe('gift');
  expect(gifts()).toBe(0);
});

test('neither end is passed on to a child process', () => {
  const path = scratch();
  receiverAt(path);
  const sender = new DatagramSender(path);
  const sockets = (text: string): number => text.split('socket:').length - 1;
  const inChild = sockets(execFileSync('/bin/ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' }));
  sender.close();
  const without = sockets(execFileSync('/bin/ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' }));
  expect(inChild).toBe(without);
});
