import { execFileSync } from 'node:child_process';
import { lstatSync, symlinkSync, writeFileSync } from 'node:fs';
import { Bell, FifoReader, FifoWriter, makeFifo, openDoorbell, PIPE_BUF } from '@pigeonhole/native';
import { expect, test } from 'vitest';
import { scratch } from './scratch.js';

test('a ring reaches the loop of the listener, as what was written', async () => {
  const path = scratch();
  let reader: FifoReader | undefined;
  const rung = new Promise<number[]>((resolve) => {
    reader = openDoorbell(path, (bytes) => resolve([...bytes]));
  });
  const bell = new Bell(path);
  expect(bell.ring(Uint8Array.of(7, 8))).toBe(true);
  expect(await rung).toEqual([7, 8]);
  reader?.close();
  bell.close();
});

test('a doorbell that nobody listens to says so, at the first ring and at a later one', () => {
  const path = scratch();
  const bell = new Bell(path);
  expect(bell.ring(Uint8Array.of(1))).toBe(false); // no such FIFO
  makeFifo(path);
  expect(bell.ring(Uint8Array.of(1))).toBe(false); // a FIFO without a reader
  const reader = new FifoReader(path, () => {});
  expect(bell.ring(Uint8Array.of(1))).toBe(true);
  reader.close();
  expect(bell.ring(Uint8Array.of(1))).toBe(false); // its reader has gone
});

test('a full doorbell counts as rung, and no ring waits', () => {
  const path = scratch();
  const reader = openDoorbell(path, () => {});
  const bell = new Bell(path);
  const bytes = new Uint8Array(PIPE_BUF);
  for (let rings = 0; rings < 100; rings++) expect(bell.ring(bytes)).toBe(true);
  reader.close();
  bell.close();
});

test('makeFifo makes a FIFO that only this user may use, and does not replace anything', () => {
  const path = scratch();
  makeFifo(path);
  const status = lstatSync(path);
  expect(status.isFIFO()).toBe(true);
  expect(status.mode & 0o777).toBe(0o600);
  expect(() => makeFifo(path)).toThrow(expect.objectContaining({ code: 'ERR_IN_USE', errno: -17 }));
});

test('only a FIFO that is reached without a link is opened', () => {
  const file = scratch();
  writeFileSync(file, '');
  const link = scratch();
  const fifo = scratch();
  makeFifo(fifo);
  symlinkSync(fifo, link);
  for (const open of [
    (path: string) => new FifoReader(path, () => {}),
    (path: string) => new FifoWriter(path),
  ]) {
    expect(() => open(file)).toThrow(expect.objectContaining({ code: 'ERR_TRANSPORT', address: file }));
    expect(() => open(link)).toThrow(expect.objectContaining({ code: 'ERR_PERMISSION', address: link }));
    expect(() => open(`${fifo}.none`)).toThrow(expect.objectContaining({ code: 'ERR_PEER_DOWN' }));
  }
});

test('a write is whole or not at all, and the writer hears when there is room', async () => {
  const path = scratch();
  makeFifo(path);
  let read = 0;
  const reader = new FifoReader(path, (bytes) => {
    read += bytes.length;
  });
  reader.pause();
  let written = 0;
  const room = withResolvers();
  const writer = new FifoWriter(path, { onRoom: () => room.resolve() });
  const header = new Uint8Array(16);
  const body = new Uint8Array(PIPE_BUF - 16);
  while (writer.write(header, body)) written += PIPE_BUF;
  expect(written).toBe(65_536);
  writer.awaitRoom();
  reader.resume();
  await room.promise;
  expect(read).toBeGreaterThan(0);
  expect(read % PIPE_BUF).toBe(0);
  expect(writer.write(header, body)).toBe(true);
  expect(() => writer.write(header, new Uint8Array(PIPE_BUF))).toThrow(RangeError);
  expect(() => writer.write(header, body, 5, 4)).toThrow(RangeError);
  writer.close();
  reader.close();
});

test('a writer that watches hears of the last reader going, and its writes fail', async () => {
  const path = scratch();
  makeFifo(path);
  const reader = new FifoReader(path, () => {});
  const gone = withResolvers();
  const writer = new FifoWriter(path, { onGone: () => gone.resolve() });
  writer.watch();
  reader.close();
  await gone.promise;
  expect(() => writer.write(Uint8Array.of(1))).toThrow(
    expect.objectContaining({ code: 'ERR_PEER_DOWN', errno: -32 }),
  );
  writer.close();
});

test('what is there can be read at once, in order and up to a limit', () => {
  const path = scratch();
  makeFifo(path);
  const read: number[] = [];
  const reader = new FifoReader(path, (bytes) => read.push(...bytes), { bufferBytes: 4 });
  const writer = new FifoWriter(path);
  writer.write(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9));
  reader.drain(5);
  expect(read).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  reader.drain(100);
  expect(read).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  reader.close();
  reader.drain(100);
  writer.close();
});

test('a FIFO can be made to hold more', () => {
  const path = scratch();
  makeFifo(path);
  const reader = new FifoReader(path, () => {}, { capacity: 262_144 });
  const writer = new FifoWriter(path);
  let written = 0;
  while (writer.write(new Uint8Array(PIPE_BUF))) written += PIPE_BUF;
  expect(written).toBe(262_144);
  reader.close();
  writer.close();
});

test('neither end is passed on to a child process', () => {
  const path = scratch();
  const reader = openDoorbell(path, () => {});
  const writer = new FifoWriter(path);
  const open = execFileSync('/bin/ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' });
  expect(open).not.toContain(path);
  reader.close();
  writer.close();
});

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
