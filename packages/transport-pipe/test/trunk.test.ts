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

test('long frames and short ones arrive whole whatever the pieces of their stream', async () => {
  const lengths = [0, 32_768, 5, 30_000, 32_768, 1];
  const payloads = lengths.map((length, at) => Buffer.alloc(length, at + 1));
  const stream = Buffer.concat(payloads.flatMap((payload) => trunkFrame('a/1', 'a/22', head, payload)));
  for (const size of [7, 8, 9, 4_096, 33_000, 60_000]) {
    const other = raw();
    for (let at = 0; at < stream.length; at += size) {
      other.write(stream.subarray(at, at + size));
      if (size > 9 || at % 16 === 0) await new Promise(setImmediate);
    }
    await other.until(lengths.length);
    expect(other.frames.map(({ to, from }) => `${to} ${from}`)).toEqual(lengths.map(() => 'a/1 a/22'));
    const same = other.frames.map(({ packet }, at) =>
      packet.subarray(head.length).equals(payloads[at] as Buffer),
    );
    expect(same).toEqual(lengths.map(() => true));
  }
});

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
