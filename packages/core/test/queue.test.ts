import { expect, test } from 'vitest';
import type { Ordering } from '../src/address.js';
import { Backlog, Entry } from '../src/backlog.js';
import type { Envelope, Selector } from '../src/message.js';
import { Queue } from '../src/queue.js';
import type { Held } from '../src/waiters.js';
import { HoldingReceive, idOf, innards, message, TakingReceive, WatchedSend } from './queue-operations.js';

const queueOf = (capacity: number | 'unbounded', ordering: Ordering = 'fifo') =>
  new Queue('m', capacity, ordering, Infinity);

function send(queue: Queue, envelope: Envelope, wait = true): WatchedSend {
  const operation = new WatchedSend(envelope, wait);
  queue.send(operation);
  return operation;
}

function take(queue: Queue, selector: Selector | null = null, max = 1, wait = true): TakingReceive {
  const operation = new TakingReceive(selector, wait, max);
  queue.receive(operation);
  return operation;
}

function hold(queue: Queue, max: number): HoldingReceive {
  const operation = new HoldingReceive(null, true, max);
  queue.receive(operation);
  return operation;
}

test('a long chain of waiting senders and receivers is settled without a chain of calls', () => {
  const queue = queueOf(1);
  const long = 20_000;
  send(queue, message(0, 'a', 1, 0));
  const senders = Array.from({ length: long }, (_, i) => send(queue, message(i + 1, 'a', 2, 0)));
  const receivers = Array.from({ length: long }, () => take(queue, { types: [2], from: null }));
  expect(innards(queue)).toMatchObject({ senders: long, receivers: long });
  take(queue);
  expect(senders.every(({ came }) => came === 'accepted')).toBe(true);
  expect(receivers.map(({ taken }) => taken[0])).toEqual(senders.map((_, i) => i + 1));
});

test('what returns is served by priority, not by age', () => {
  const queue = queueOf('unbounded', 'priority');
  const held = hold(queue, 1);
  send(queue, message(1, 'a', 0, 0));
  const also = hold(queue, 1);
  send(queue, message(2, 'a', 0, 9));
  const waiting = take(queue);
  queue.returnHeld([...held.held, ...also.held].map(({ token }) => token));
  expect(waiting.taken).toEqual([2]);
  expect(innards(queue).backlog).toEqual([1]);
});

test('what returns is served before a waiting send of the same sender', () => {
  const queue = queueOf(2);
  send(queue, message(1, 'a', 0, 0));
  send(queue, message(2, 'a', 0, 0));
  const holder = hold(queue, 2);
  const later = send(queue, message(3, 'a', 0, 0));
  const receivers = [take(queue), take(queue), take(queue)];
  queue.returnHeld(holder.held.map(({ token }) => token));
  expect(receivers.map(({ taken }) => taken)).toEqual([[1], [2], [3]]);
  expect(later.came).toBe('accepted');
});

test('what returns after the close is still there to be handed on', () => {
  const queue = queueOf('unbounded');
  for (let id = 1; id <= 4; id++) send(queue, message(id, 'a', 0, 0));
  const holder = hold(queue, 3);
  const tokens = holder.held.map(({ token }) => token);
  queue.close(() => new Error('closed'));
  queue.settleHeld(tokens[2] as Held, false);
  queue.settleHeld(tokens[0] as Held, true);
  queue.settleHeld(tokens[1] as Held, false);
  expect(queue.drain().map(({ envelope }) => idOf(envelope))).toEqual([2, 3, 4]);
});

test('a message that returns at capacity 0 stands where it stood', () => {
  const queue = queueOf(0);
  const first = send(queue, message(1, 'a', 0, 0));
  const second = send(queue, message(2, 'a', 0, 0));
  const holder = hold(queue, 1);
  expect(holder.held.map(({ id }) => id)).toEqual([1]);
  const third = send(queue, message(3, 'b', 0, 0));
  queue.settleHeld(holder.held[0]?.token as Held, false);
  expect([take(queue), take(queue), take(queue)].map(({ taken }) => taken[0])).toEqual([1, 2, 3]);
  expect([first, second, third].map(({ came }) => came)).toEqual(['accepted', 'accepted', 'accepted']);
});

test('a send at capacity 0 that gave up while it was shown is withdrawn when it returns', () => {
  const queue = queueOf(0);
  const operation = send(queue, message(1, 'a', 0, 0));
  const holder = hold(queue, 1);
  operation.giveUp(new Error('enough'), () => queue.cancelSend(operation));
  expect(operation.settled).toBe(false);
  queue.settleHeld(holder.held[0]?.token as Held, false);
  expect(operation.came).toBe('withdrawn');
  expect(innards(queue)).toMatchObject({ senders: 0, used: 0 });
});

/** An envelope that counts how often its sender is read: once for each time a selector looks at it. */
function counted(id: number, from: string, type: number, looks: { count: number }): Envelope {
  const envelope = message(id, from, type, 0);
  return Object.defineProperty({ ...envelope }, 'from', {
    get: () => {
      looks.count++;
      return from;
    },
  });
}

test.each([100, 50_000])('a plain receive looks at no message, with %d in the backlog', (backlog) => {
  const queue = queueOf('unbounded');
  const looks = { count: 0 };
  for (let id = 0; id < backlog; id++) send(queue, counted(id, 'a', 1, looks));
  for (let i = 0; i < 50; i++) expect(take(queue).taken).toEqual([i]);
  expect(looks.count).toBe(0);
});

test('a selective receive looks at no more messages when the backlog is five hundred times longer', () => {
  const looksFor = (backlog: number): number => {
    const queue = queueOf('unbounded');
    const looks = { count: 0 };
    for (let id = 0; id < backlog; id++) send(queue, counted(id, 'a', 1, looks));
    for (let id = 0; id < 20; id++) send(queue, counted(backlog + id, 'b', 2, looks));
    const select = { types: [2], from: 'b' };
    take(queue, select); // makes the index
    looks.count = 0;
    for (let i = 1; i < 20; i++) expect(take(queue, select).taken).toEqual([backlog + i]);
    return looks.count;
  };
  expect(looksFor(100_000)).toBe(looksFor(200));
});

test('many that return go back in one walk, whether or not there is an index', () => {
  for (const indexed of [false, true]) {
    let steps = 0;
    const backlog = new Backlog(false);
    const entries = Array.from({ length: 4000 }, (_, at) => {
      const entry = new Entry(message(at, 'a', 1, 0), at, null);
      const get = (): number => {
        steps++;
        return at;
      };
      Object.defineProperty(entry, 'sequence', { get });
      backlog.append(entry);
      return entry;
    });
    if (indexed) expect(backlog.find({ types: [1], from: null })).toBe(entries[0]);
    for (const entry of entries.slice(0, 3000)) backlog.remove(entry);
    steps = 0;
    backlog.restore(entries.slice(0, 3000).reverse());
    expect([...backlog]).toEqual(entries);
    expect(steps).toBeLessThan(4000 * 40); // n log n; a walk for each would be 4,500,000 at least
  }
});
