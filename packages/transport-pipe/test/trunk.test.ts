/** The bytes between two processes: cut as the kernel likes, and wrong on purpose. */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { makePipe } from '@pigeonhole/native';
import { expect, onTestFinished, test } from 'vitest';
import { Trunk, type TrunkFrame, trunkFrame } from '../src/trunk.js';

/** One end of two pipes, and the raw other end. */
function raw() {
  const [incoming, outgoing] = [makePipe(), makePipe()];
  const frames: TrunkFrame[] = [];
  let end: (error?: Error) => void = () => {};
  const ended = new Promise<Error | undefined>((resolve) => {
    end = resolve;
  });
  const waiting: (() => void)[] = [];
  const trunk = new Trunk(incoming.read, outgoing.write, {
    frame: (frame) => {
      // Its bytes are valid during this call.
      frames.push({ ...frame, packet: Buffer.from(frame.packet) });
      for (const wake of waiting.splice(0)) wake();
    },
    room: () => {},
    end,
  });
  trunk.ref();
  let open = true;
  const close = (): void => {
    if (open) for (const fd of [incoming.write, outgoing.read]) closeSync(fd);
    open = false;
  };
  onTestFinished(() => {
    trunk.destroy();
    close();
  });
  const until = async (count: number): Promise<void> => {
    while (frames.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const write = (bytes: Uint8Array): void => void writeSync(incoming.write, bytes);
  /** What is there, without waiting: the pipe opened once more, since the end at hand waits. */
  const read = (): number => {
    const fd = openSync(`/proc/self/fd/${outgoing.read}`, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return readSync(fd, Buffer.alloc(100_000));
    } finally {
      closeSync(fd);
    }
  };
  return { trunk, frames, ended, close, until, write, read };
}

const head = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

test('a frame arrives whole however its bytes are cut', async () => {
  const other = raw();
  const frame = Buffer.concat(trunkFrame('a/1', 'a', head, Buffer.from('hello')));
  for (let cut = 0; cut <= frame.length; cut++) {
    other.write(frame.subarray(0, cut));
    await new Promise(setImmediate);
    other.write(Buffer.concat([frame.subarray(cut), frame]));
  }
  await other.until(2 * (frame.length + 1));
  for (const { to, from, packet } of other.frames)
    expect([to, from, packet.subarray(8).toString()]).toEqual(['a/1', 'a', 'hello']);
});

test.each([
  ['a length over the limit', Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)],
  ['a length of 0', new Uint8Array(64)],
  ['addresses longer than the frame', Uint8Array.of(20, 0, 0, 0, 200, 0, 200, 0)],
  ['another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
])('%s ends the trunk', async (_, bytes) => {
  const other = raw();
  other.write(bytes);
  expect(await other.ended).toMatchObject({ code: 'ERR_FRAME' });
  expect(other.frames).toEqual([]);
});

test('a part of a frame is dropped when its writer dies, what came before is not', async () => {
  const other = raw();
  const frame = Buffer.concat(trunkFrame('a/1', 'a', head, Buffer.from('hello')));
  other.write(Buffer.concat([frame, frame.subarray(0, 20)]));
  other.close();
  expect(await other.ended).toBe(undefined);
  expect(other.frames).toHaveLength(1);
});

test('much leaves in the midst of a turn, little at its end', async () => {
  const { trunk, read } = raw();
  trunk.write(new Uint8Array(10_000));
  expect(read).toThrow('EAGAIN');
  trunk.write(new Uint8Array(10_000));
  expect(read()).toBe(20_000);
  trunk.write(new Uint8Array(100));
  expect(read).toThrow('EAGAIN');
  await new Promise(setImmediate);
  expect(read()).toBe(100);
});
