/** `delivery: 'datagram'`: what it promises, what it does not, and that what it does not is said or counted. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { anyPeer, mailbox, peer, type Runtime } from '@pigeonhole/core';
import { BusyPoll } from '@pigeonhole/core/transport';
import { expect, onTestFinished, test, vi } from 'vitest';
import { PeerProcess } from '../../core/test/peers/peer-process.js';
import { until, within } from '../../core/test/peers/watch.js';
import { parseAddress } from '../src/address.js';
import { joined, published, scratch, settings } from './scene.js';

const plain = { use: 'udp', delivery: 'datagram' };

function pair(directory = scratch()): Promise<[Runtime, Runtime]> {
  return Promise.all([joined(directory, 'a', plain), joined(directory, 'b', plain)]);
}

test('it says what it is', async () => {
  const [a] = await pair();
  const { transport, kind, capabilities, drops } = a.explain(mailbox('m'));
  expect({ transport, kind }).toEqual({ transport: 'udp-datagram', kind: 'datagram' });
  expect(capabilities).toMatchObject({ reliable: false, durable: false, sync: false, crossProcess: true });
  expect(drops).toEqual({ full: 0, refused: 0, kernel: process.platform === 'linux' ? 0 : null });
});

test('a message arrives with its body, sender, type and priority; one to a process arrives there', async () => {
  const [a, b] = await pair();
  const receiver = await b.receiver(mailbox('m'));
  const body = { id: 1n, when: new Date(5), bytes: new Uint8Array([1, 2]), none: undefined };
  await a.send(mailbox('m'), body, { type: 7, priority: 3 });
  expect(await receiver.receive()).toMatchObject({ body, from: 'a', type: 7, priority: 3 });
  await a.send(peer('b'), 'hello');
  expect(await b.receive(anyPeer)).toMatchObject({ body: 'hello', from: 'a' });
  await b.send(peer('a'), 'hello to you');
  expect(await a.receive(peer('b'))).toMatchObject({ body: 'hello to you', from: 'b' });
});

test('a send waits until somebody receives; a try without anybody is false; both find the next receiver', async () => {
  const directory = scratch();
  const a = await joined(directory, 'a', plain);
  expect(await a.trySend(mailbox('m'), 0)).toBe(false);
  const waiting = a.send(mailbox('m'), 1);
  const b = await joined(directory, 'b', plain);
  const first = await b.receiver(mailbox('m'));
  await within(waiting, 'the send, once there is a receiver');
  expect((await first.receive()).body).toBe(1);
  await b.close();
  const c = await joined(directory, 'c', plain);
  const second = await c.receiver(mailbox('m'));
  // Until a has heard of the change its messages go to nobody: that is what at most once means.
  let n = 2;
  await until(async () => {
    await a.send(mailbox('m'), n++);
    return (await second.tryReceive()) !== null;
  }, 'a message to arrive at the next receiver');
});

test('a mailbox that is full drops what comes, and counts it; the sender is not told', async () => {
  const [a, b] = await pair();
  const receiver = await b.receiver(mailbox('m', { capacity: 3 }));
  for (let n = 0; n < 10; n++) await a.send(mailbox('m'), n);
  await a.send(peer('b'), 'after them');
  await b.receive(anyPeer);
  expect(b.explain(mailbox('m')).drops).toMatchObject({ full: 7, refused: 0 });
  const got = await receiver.receiveMany(10);
  expect(got.map(({ body }) => body)).toEqual([0, 1, 2]);
});

test('a receiver that reads too slowly loses datagrams, which the kernel counts, and none twice', async () => {
  const directory = scratch();
  const receiver = await PeerProcess.start(settings(directory, 'slow', plain));
  const a = await joined(directory, 'a', plain);
  await receiver.call('receiver', 'm', { capacity: 'unbounded' });
  await a.send(mailbox('m'), new Uint8Array(1));
  await receiver.call('drain', 'm', 1);
  receiver.child.kill('SIGSTOP');
  const COUNT = 400;
  for (let n = 0; n < COUNT; n++) await a.send(mailbox('m'), new Uint8Array(60_000).fill(n));
  receiver.child.kill('SIGCONT');
  // What the kernel kept arrives; then one more, for which there is a place again.
  const kernel = (): Promise<number> =>
    receiver.call<{ drops: { kernel: number } }>('explain', 'm').then(({ drops }) => drops.kernel);
  const lost = await kernel();
  expect(lost).toBeGreaterThan(0);
  expect(lost).toBeLessThan(COUNT);
  await receiver.call('drain', 'm', COUNT - lost);
  await a.send(mailbox('m'), new Uint8Array([77]));
  expect(await receiver.call('drain', 'm', 1)).toEqual([[77, 77, 1]]);
  await receiver.leave();
});

test('what does not fit a datagram is ERR_TOO_LARGE, with both numbers', async () => {
  const [a, b] = await pair();
  const receiver = await b.receiver(mailbox('m'));
  await a.send(mailbox('m'), new Uint8Array(65_400));
  expect(((await receiver.receive()).body as Uint8Array).length).toBe(65_400);
  const refusal = a.send(mailbox('m'), new Uint8Array(65_500));
  await expect(refusal).rejects.toMatchObject({ code: 'ERR_TOO_LARGE' });
  await expect(refusal).rejects.toThrow(/the most is 65491/);
});

test('a second receiving process is ERR_UNSUPPORTED, naming the first; a second handle there is fine', async () => {
  const [a, b] = await pair();
  await b.receiver(mailbox('m'));
  await b.receiver(mailbox('m'));
  await expect(a.receiver(mailbox('m'))).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' });
  await expect(a.receiver(mailbox('m'))).rejects.toThrow(/received by process 'b'/);
  await expect(b.receiver(mailbox('m', { capacity: 3 }))).rejects.toMatchObject({
    code: 'ERR_CAPACITY_MISMATCH',
  });
});

test('what is left at close is reported, and nothing remains', async () => {
  const [a, b] = await pair();
  await b.receiver(mailbox('m'));
  for (let n = 0; n < 3; n++) await a.send(mailbox('m'), n);
  await a.send(peer('b'), 'after them');
  await b.receive(anyPeer);
  const report = await b.close();
  expect(report.undelivered).toEqual([{ mailbox: 'm', count: 3 }]);
});

test('datagrams without the key, of nobody known, or from another address than their process has, are refused, and keep nobody awake', async () => {
  const stir = vi.spyOn(BusyPoll.prototype, 'stir');
  onTestFinished(() => stir.mockRestore());
  const directory = scratch();
  const [a, b] = await pair(directory);
  const receiver = await b.receiver(mailbox('m'));
  await a.send(mailbox('m'), 'genuine');
  expect((await receiver.receive()).body).toBe('genuine');
  const { ports, incarnation } = published(directory, 'a');
  const { port, key } = parseAddress(
    (published(directory, 'b').ports as unknown as Record<string, string>)['udp-datagram'] as string,
  );
  expect(ports).toBeDefined();
  const forger = createSocket('udp4');
  forger.bind(0, '127.0.0.1');
  await once(forger, 'listening');
  const say = (bytes: Buffer): Promise<void> =>
    new Promise((resolve) => forger.send(bytes, port, '127.0.0.1', () => resolve()));
  const message = (from: string, to = 'm'): Buffer => {
    const head = Buffer.alloc(31 + to.length);
    head.writeDoubleLE(1, 6);
    head.write(from, 14, 'latin1');
    head[30] = to.length;
    head.write(to, 31, 'latin1');
    return Buffer.concat([head, Buffer.from([0x01])]);
  };
  await say(message(incarnation));
  await say(Buffer.alloc(0));
  await say(Buffer.from('x'));
  await say(Buffer.concat([key, message(incarnation)]));
  await say(Buffer.concat([key, message('f'.repeat(16))]));
  await say(Buffer.concat([key, Buffer.alloc(20, 0xff)]));
  await say(Buffer.concat([key, message('not an identity.')]));
  await until(() => b.explain(mailbox('m')).drops?.refused === 4, 'all four with the key to be refused');
  forger.close();
  expect(await receiver.tryReceive()).toBeNull();
  await a.send(mailbox('m'), 'still genuine');
  expect((await receiver.receive()).body).toBe('still genuine');
  expect(stir).toHaveBeenCalledTimes(2);
});

test('beside it a mailbox can be reliable: each has its own port', async () => {
  const directory = scratch();
  const both = { ...settings(directory, 'a', 'udp'), mailboxes: { loose: { transport: plain } } };
  const { createRuntime } = await import('@pigeonhole/core');
  const a = await createRuntime({ ...both, name: 'a' } as never);
  const b = await createRuntime({ ...both, name: 'b' } as never);
  try {
    const [loose, firm] = [await b.receiver(mailbox('loose')), await b.receiver(mailbox('firm'))];
    await a.send(mailbox('loose'), 1);
    await a.send(mailbox('firm'), 2);
    expect((await loose.receive()).body).toBe(1);
    expect((await firm.receive()).body).toBe(2);
    expect(a.explain(mailbox('loose')).capabilities.reliable).toBe(false);
    expect(a.explain(mailbox('firm')).capabilities.reliable).toBeUndefined();
  } finally {
    await a.close();
    await b.close();
  }
});

test('who is configured otherwise is told', async () => {
  const directory = scratch();
  const [a, b] = [await joined(directory, 'a', 'udp'), await joined(directory, 'b', plain)];
  await b.receiver(mailbox('m'));
  await expect(a.send(mailbox('m'), 1)).rejects.toThrow(/hosted over transport 'udp-datagram'/);
});
