import { randomInt } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { SYSV_TEXT, SysvQueue, type SysvQueueEvents } from '@pigeonhole/native';
import { expect, onTestFinished, test } from 'vitest';

const nothing = new Uint8Array(0);

function newQueue(events: SysvQueueEvents = {}): SysvQueue {
  const queue = new SysvQueue(SysvQueue.open(randomInt(1, 2 ** 31), { create: true }), events);
  onTestFinished(() => {
    queue.close();
    queue.remove();
  });
  return queue;
}

/** A call that can be awaited once at a time. */
function once(): { call(): void; called(): Promise<void> } {
  let resolve = (): void => {};
  let promise = new Promise<void>((done) => (resolve = done));
  return {
    call: () => resolve(),
    async called() {
      await promise;
      promise = new Promise((done) => (resolve = done));
    },
  };
}

const scratch = Buffer.alloc(SYSV_TEXT + 64);
const take = (queue: SysvQueue, type = 0): string | null => {
  const count = queue.receive(scratch, type);
  return count < 0 ? null : `${queue.type} ${scratch.toString('latin1', SYSV_TEXT, SYSV_TEXT + count)}`;
};

test('a queue keeps messages whole, gives them by type, and fills them up where asked', () => {
  const queue = newQueue();
  expect(take(queue)).toBe(null);
  expect(queue.send(7, Buffer.from('a'), Buffer.from('-bcd-'), 1, 4)).toBe(true);
  expect(queue.send(2 ** 33 + 5, Buffer.from('b'), nothing, 0, 0, 3)).toBe(true);
  expect(queue.send(7, nothing)).toBe(true);
  expect(queue.status()).toMatchObject({ bytes: 7, messages: 3 });
  expect(take(queue, 2 ** 33 + 5)).toBe(`${2 ** 33 + 5} b\0\0`);
  expect([take(queue), take(queue, 7), take(queue)]).toEqual(['7 abcd', '7 ', null]);
});

test('it holds the bytes that it was set to, and empty messages beyond', () => {
  const queue = newQueue();
  queue.setMaxBytes(100);
  expect(queue.send(1, Buffer.alloc(60))).toBe(true);
  expect(queue.send(1, Buffer.alloc(41))).toBe(false);
  expect(queue.send(1, Buffer.alloc(40))).toBe(true);
  expect(queue.send(1, nothing)).toBe(true);
  expect(queue.status()).toMatchObject({ bytes: 100, messages: 3, maxBytes: 100 });
});

test('who waits for messages of a type is called when there is one, and it is still there', async () => {
  const heard = once();
  const queue = newQueue({ onMessage: heard.call });
  queue.ref();
  queue.awaitMessage(3);
  queue.send(2, Buffer.from('other'));
  queue.send(3, Buffer.from('this'));
  await heard.called();
  expect([take(queue, 3), take(queue)]).toEqual(['3 this', '2 other']);
  queue.awaitMessage();
  queue.send(4, nothing); // which waiting itself takes
  await heard.called();
  expect([take(queue), take(queue)]).toEqual(['4 ', null]);
});

test('many queues wait at once: for messages, for room, and for one that somebody removes', async () => {
  const [message, room, gone] = [once(), once(), once()];
  const first = newQueue({ onMessage: message.call });
  const second = newQueue({ onRoom: room.call });
  const third = newQueue({ onGone: gone.call });
  for (const queue of [first, second, third]) queue.ref();
  second.setMaxBytes(10);
  second.send(1, Buffer.alloc(10));
  first.awaitMessage();
  second.awaitRoom(5);
  third.awaitMessage();
  first.send(1, Buffer.from('x'));
  await message.called();
  take(second);
  await room.called();
  third.remove();
  await gone.called();
});

test('one thread waits for all, and waits can be changed a thousand times', async () => {
  const heard = once();
  const queue = newQueue({ onMessage: heard.call });
  queue.ref();
  queue.awaitMessage();
  const threads = readdirSync('/proc/self/task').length;
  for (let i = 1; i <= 1000; i++) queue.awaitMessage(i);
  const others = Array.from({ length: 20 }, () => newQueue());
  for (const other of others) other.awaitMessage();
  expect(readdirSync('/proc/self/task').length).toBe(threads);
  for (const other of others) other.close();
  queue.send(999, Buffer.from('no'));
  queue.send(1000, Buffer.from('yes'));
  await heard.called();
  expect(take(queue, 1000)).toBe('1000 yes');
});

test('an empty message that waiting has taken goes back when the queue is closed', async () => {
  const heard = once();
  const queue = newQueue({ onMessage: heard.call });
  queue.ref();
  queue.awaitMessage();
  const other = new SysvQueue(queue.id);
  other.send(5, nothing);
  await heard.called();
  expect(take(other)).toBe(null);
  queue.close();
  expect(take(other)).toBe('5 ');
  other.close();
});
