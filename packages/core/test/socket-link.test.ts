/** Links over stream sockets: every byte arrives, in order, however the socket is read. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SocketLink } from '../src/socket-link.js';
import type { LinkHandler } from '../src/transport.js';
import { runtimeDirectory, until } from './child.js';

class Collected implements LinkHandler {
  readonly chunks: Buffer[] = [];
  owned = new Set<boolean>();
  drains = 0;
  ends: (Error | undefined)[] = [];

  data(chunk: Uint8Array, owned: boolean): void {
    this.owned.add(owned);
    this.chunks.push(Buffer.from(chunk));
  }

  drain(): void {
    this.drains++;
  }

  end(error?: Error): void {
    this.ends.push(error);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

function linked(socket: Socket): [SocketLink, Collected] {
  const link = new SocketLink(socket);
  const collected = new Collected();
  link.report(collected);
  return [link, collected];
}

async function scene(): Promise<{ accepted: Socket; connected: Socket; closed: Promise<unknown> }> {
  const path = join(await runtimeDirectory(), 's');
  const server = createServer();
  server.listen(path);
  await once(server, 'listening');
  const connected = connect(path);
  const [[accepted]] = await Promise.all([once(server, 'connection'), once(connected, 'connect')]);
  const closed = once(server, 'close');
  server.close();
  return { accepted, connected, closed };
}

test('what is written on either side arrives at the other, and an orderly end follows it', async () => {
  const { accepted, connected, closed } = await scene();
  const [here, fromThere] = linked(accepted);
  const [there, fromHere] = linked(connected);
  // The listener has lost sight of it, so it does not wait for its end.
  await closed;
  const batches = [1, 100, 65_536, 3_000_000, 5].map((length) => randomBytes(length));
  for (const batch of batches) {
    here.write(batch);
    there.write(batch);
  }
  const all = Buffer.concat(batches);
  await until(() => fromHere.bytes.length === all.length, 'what was written here');
  await until(() => fromThere.bytes.length === all.length, 'what was written there');
  expect(fromHere.bytes.equals(all)).toBe(true);
  expect(fromThere.bytes.equals(all)).toBe(true);
  await until(() => fromHere.drains + fromThere.drains === 2, 'both to have room again');
  expect([...fromHere.owned, ...fromThere.owned]).toEqual([false, false]);
  here.write(Buffer.from('last'));
  here.close();
  await until(() => fromHere.ends.length + fromThere.ends.length === 2, 'both ends');
  expect(fromHere.bytes.subarray(all.length).toString()).toBe('last');
  expect([...fromHere.ends, ...fromThere.ends]).toEqual([undefined, undefined]);
});

test('who says where to read to is told how much has come there, from the first read after it was asked', async () => {
  const { accepted, connected } = await scene();
  const [here] = linked(accepted);
  const link = new SocketLink(connected);
  const own = Buffer.alloc(10);
  const came: Buffer[] = [];
  const handler = Object.assign(new Collected(), {
    place: (intake: Uint8Array) => (came.length % 2 === 0 ? own : intake.subarray(0, 3)),
    filled: (bytes: number) => came.push(Buffer.from('x'.repeat(bytes))),
  });
  link.report(handler);
  here.write(Buffer.from('x'));
  await until(() => handler.bytes.length === 1, 'what was read before it was asked');
  here.write(Buffer.alloc(100, 'y'));
  await until(() => Buffer.concat(came).length === 100, 'all of it');
  expect(came.slice(0, 2).map(({ length }) => length)).toEqual([10, 3]);
  expect(own.toString()).toBe('y'.repeat(10));
  expect(handler.chunks).toHaveLength(1);
  link.destroy();
  await until(() => handler.ends.length === 1, 'the end');
});

test('an end by force is told to both sides, with its reason to the one that it comes from', async () => {
  const { accepted, connected } = await scene();
  const [here, fromThere] = linked(accepted);
  const [, fromHere] = linked(connected);
  const reason = new Error('no more of it');
  here.destroy(reason);
  await until(() => fromHere.ends.length + fromThere.ends.length === 2, 'both ends');
  expect(fromThere.ends).toEqual([reason]);
});

test('a socket that has read already goes on as it is, and loses nothing', async () => {
  const { accepted, connected } = await scene();
  connected.write('early ');
  await until(() => accepted.readableLength > 0, 'bytes before the link');
  const [here, fromThere] = linked(accepted);
  connected.write('and late');
  await until(() => fromThere.bytes.toString() === 'early and late', 'all of it');
  expect([...fromThere.owned]).toEqual([true]);
  here.destroy();
  await once(connected, 'close');
});

test('a write to one who has just gone throws nothing: the end tells of it', async () => {
  const { accepted, connected } = await scene();
  const [there, fromHere] = linked(connected);
  accepted.destroy();
  there.write(randomBytes(1000));
  await until(() => fromHere.ends.length === 1, 'the end');
  expect(fromHere.ends[0]).toMatchObject({ code: 'EPIPE' });
});

test('a link that is over writes nothing to whatever has its descriptor now', async () => {
  const { accepted, connected } = await scene();
  const [there, fromHere] = linked(connected);
  const { fd } = there as unknown as { fd: number };
  there.destroy();
  const path = join(await runtimeDirectory(), 'file');
  const opened: number[] = [];
  try {
    while (!opened.includes(fd)) opened.push(openSync(path, 'a'));
    there.write(Buffer.from('astray'));
    await until(() => fromHere.ends.length === 1, 'the end');
    expect(readFileSync(path, 'utf8')).toBe('');
  } finally {
    for (const each of opened) closeSync(each);
    accepted.destroy();
  }
});

test('what befell the connection is told, though it is a write that hears of it first', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connected = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[accepted]] = (await Promise.all([once(server, 'connection'), once(connected, 'connect')])) as [
    [Socket],
    unknown,
  ];
  server.close();
  const [there, fromHere] = linked(connected);
  accepted.resetAndDestroy();
  there.write(randomBytes(1000));
  await until(() => fromHere.ends.length === 1, 'the end');
  expect(fromHere.ends[0]).toMatchObject({ code: 'ECONNRESET' });
});

test.each([
  ['at once', 1],
  ['through the stream', 3_000_000],
])('what the other side had written before it went is read, though writing fails %s', async (_, length) => {
  const { accepted, connected } = await scene();
  const [here, fromThere] = linked(accepted);
  const [there] = linked(connected);
  // More than one read; and the stream has bytes that wait, or not, when the other side goes.
  if (length > 1) here.write(randomBytes(length));
  const last = randomBytes(150_000);
  there.write(last);
  expect(there.empty).toBe(true);
  there.destroy();
  // Before the event loop turns: nothing has been read yet.
  here.write(randomBytes(1));
  expect(fromThere.chunks).toEqual([]);
  await until(() => fromThere.ends.length > 0, 'the end');
  expect(fromThere.bytes.equals(last)).toBe(true);
  expect(fromThere.ends).toHaveLength(1);
});

test('a link that is destroyed here reports nothing more', async () => {
  const { accepted, connected } = await scene();
  const [here, fromThere] = linked(accepted);
  const [there] = linked(connected);
  there.write(randomBytes(1000));
  here.destroy(new Error('enough'));
  await until(() => fromThere.ends.length > 0, 'the end');
  expect(fromThere.chunks).toEqual([]);
  there.destroy();
});
