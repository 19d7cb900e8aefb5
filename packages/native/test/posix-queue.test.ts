import { randomBytes } from 'node:crypto';
import { PosixQueue } from '@pigeonhole/native';
import { expect, onTestFinished, test } from 'vitest';

const nothing = new Uint8Array(0);

function newName(): string {
  const name = `/pigeonhole-test-${randomBytes(8).toString('hex')}`;
  onTestFinished(() => void PosixQueue.unlink(name));
  return name;
}

function open(name: string, options: ConstructorParameters<typeof PosixQueue>[1] = {}): PosixQueue {
  const queue = new PosixQueue(name, options);
  onTestFinished(() => queue.close());
  return queue;
}

test('a queue keeps messages whole, higher priorities first, and holds as many as it was made for', () => {
  const queue = open(newName(), { create: { maxMessages: 3, messageBytes: 16 } });
  const scratch = Buffer.alloc(16);
  expect(queue.receive(scratch)).toBe(-1);
  expect(queue.send(Buffer.from('a'), Buffer.from('-bcd-'), 1, 4)).toBe(true);
  expect(queue.send(nothing)).toBe(true);
  expect(queue.send(Buffer.from('first'), nothing, 0, 0, 9)).toBe(true);
  expect(queue.send(Buffer.from('no room'))).toBe(false);
  expect(queue.attributes()).toEqual({ maxMessages: 3, messageBytes: 16, messages: 3 });
  expect([scratch.toString('latin1', 0, queue.receive(scratch)), queue.priority]).toEqual(['first', 9]);
  expect([scratch.toString('latin1', 0, queue.receive(scratch)), queue.priority]).toEqual(['abcd', 0]);
  expect(queue.receive(scratch)).toBe(0);
  expect(queue.receive(scratch)).toBe(-1);
  expect(() => queue.send(Buffer.alloc(17))).toThrow(expect.objectContaining({ errno: -90 }));
});

test('whoever opens a queue has to find it, and whoever makes it must not', () => {
  const name = newName();
  expect(() => open(name)).toThrow(expect.objectContaining({ code: 'ERR_PEER_DOWN', errno: -2 }));
  const create = { maxMessages: 1, messageBytes: 8 };
  open(name, { create });
  expect(() => open(name, { create })).toThrow(expect.objectContaining({ code: 'ERR_IN_USE' }));
  expect(PosixQueue.unlink(name)).toBe(true);
  expect(PosixQueue.unlink(name)).toBe(false);
});

test('the loop is told of messages and of room while it asks for them', async () => {
  const name = newName();
  const seen: string[] = [];
  let wake = (): void => {};
  const next = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  const queue = open(name, {
    create: { maxMessages: 1, messageBytes: 8 },
    onMessage: () => {
      seen.push('message');
      queue.watch({ message: false, room: false });
      wake();
    },
    onRoom: () => {
      seen.push('room');
      queue.watch({ message: false, room: false });
      wake();
    },
  });
  queue.ref();
  const other = open(name);
  let called = next();
  queue.watch({ message: true, room: false });
  other.send(Buffer.from('x'));
  await called;
  called = next();
  queue.watch({ message: false, room: true });
  other.receive(Buffer.alloc(8));
  await called;
  expect(seen).toEqual(['message', 'room']);
});
