import { getEventListeners } from 'node:events';
import { afterEach, expect, test, vi } from 'vitest';
import {
  createRuntime,
  type MailboxAddress,
  mailbox,
  type PigeonholeError,
  type Runtime,
} from '../dist/index.js';
import { Queue } from '../src/queue.js';
import { Delivery, ReceiveMany, ReceiveOne, SendOperation } from '../src/waiters.js';
import { rejection } from './child.js';
import { idOf, message } from './queue-operations.js';

afterEach(() => void vi.useRealTimers());

let worlds = 0;
const alone = (name = 'a'): Promise<Runtime> =>
  createRuntime({
    name,
    namespace: `waiters-${++worlds}`,
    transport: 'memory',
    config: false,
    logger: false,
  });

/** A send that waits for space, on a queue that is full. */
function waitingSend(): { queue: Queue; send: SendOperation; outcome: Promise<unknown>; cancel(): void } {
  const queue = new Queue('m', 1, 'fifo', Infinity);
  queue.send(new SendOperation(message(0, 'a', 0, 0), true));
  const send = new SendOperation(message(1, 'a', 0, 0), true);
  queue.send(send);
  return { queue, send, outcome: Promise.resolve(send.outcome()), cancel: () => queue.cancelSend(send) };
}

test('a timeout longer than a timer lasts its whole length', async () => {
  vi.useFakeTimers();
  const { send, outcome, cancel } = waitingSend();
  const timeout = 3 * 2 ** 31;
  send.watch({ timeout }, 'send to m', cancel);
  const failure = rejection(outcome);
  await vi.advanceTimersByTimeAsync(timeout - 1);
  expect(send.settled).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(await failure).toMatchObject({
    code: 'ERR_TIMEOUT',
    message: `send to m did not complete within timeout ${timeout} ms`,
  });
  expect(vi.getTimerCount()).toBe(0);
});

test('without a timeout, or with an endless one, there is no timer', () => {
  vi.useFakeTimers();
  for (const options of [{}, { timeout: Infinity }]) {
    const { send, cancel } = waitingSend();
    send.watch(options, 'send to m', cancel);
  }
  expect(vi.getTimerCount()).toBe(0);
});

test('whatever settles a call stops its timer', async () => {
  vi.useFakeTimers();
  const taken = waitingSend();
  taken.send.watch({ timeout: 1000 }, 'send', taken.cancel);
  taken.queue.receive(new ReceiveOne(null, true, idOf));
  await taken.outcome;
  const failed = waitingSend();
  failed.send.watch({ timeout: 1000 }, 'send', failed.cancel);
  failed.queue.close(() => new Error('closed'));
  await rejection(failed.outcome);
  const unknown = waitingSend();
  const failure = rejection(unknown.outcome);
  unknown.send.watch({ timeout: 1000 }, 'send', () => {}); // nobody answers
  await vi.advanceTimersByTimeAsync(2000);
  expect((await failure).code).toBe('ERR_OUTCOME_UNKNOWN');
  expect(vi.getTimerCount()).toBe(0);
});

test('the answer that comes within the grace counts, and a later one changes nothing', async () => {
  vi.useFakeTimers();
  const { send, outcome } = waitingSend();
  send.watch({ timeout: 5 }, 'send', () => {});
  await vi.advanceTimersByTimeAsync(500);
  expect(send.cancelling).toBe(true);
  send.accepted();
  expect(await outcome).toBe(undefined);
  send.fail(new Error('late'));
  expect(send.failed).toBe(false);
  expect(vi.getTimerCount()).toBe(0);
});

test.each([new Error('enough'), 'enough', { why: 'enough' }, null, 0, undefined])(
  'an abort rejects with its own reason: %s',
  async (reason) => {
    const runtime = await alone();
    const rx = await runtime.receiver(mailbox('m', { capacity: 1 }));
    const tx = await runtime.sender(mailbox('m'));
    await tx.send(0);
    const abort = new AbortController();
    const { signal } = abort;
    const caught = async (call: Promise<unknown>): Promise<unknown> =>
      call.then(
        () => 'resolved',
        (error: unknown) => error,
      );
    const before = [
      caught(tx.send(1, { signal })),
      caught(rx.receive({ signal, type: 7 })),
      caught(runtime.select([mailbox('k')], { signal })),
      caught(runtime.send(mailbox('m'), 2, { signal })),
    ];
    abort.abort(reason);
    const after = [
      caught(tx.send(3, { signal })),
      caught(rx.receive({ signal })),
      caught(rx.tryReceive({ signal })),
    ];
    for (const error of await Promise.all([...before, ...after])) expect(error).toBe(signal.reason);
    expect((await rx.receive()).body).toBe(0);
    expect(await rx.tryReceive()).toBe(null);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    await runtime.close();
  },
);

test('an abort after the call has no effect', async () => {
  const runtime = await alone();
  const abort = new AbortController();
  const rx = await runtime.receiver(mailbox<number>('m'));
  await runtime.send(mailbox<number>('m'), 1, { signal: abort.signal });
  const { body } = await rx.receive({ signal: abort.signal });
  abort.abort();
  expect(body).toBe(1);
  await runtime.close();
});

test('ten thousand calls may share one signal: no warning, and nothing left on it', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  const runtime = await alone();
  const orders = mailbox<number>('m', { capacity: 1 });
  const rx = await runtime.receiver(orders);
  const tx = await runtime.sender(orders);
  const { signal } = new AbortController();
  const sends = Array.from({ length: 10_000 }, (_, i) => tx.send(i, { signal, timeout: 2 ** 30 }));
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  for (let i = 0; i < 10_000; i++) expect((await rx.receive({ signal })).body).toBe(i);
  await Promise.all(sends);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  await new Promise(setImmediate); // warnings come in a later turn
  expect(warnings).toEqual([]);
  process.off('warning', onWarning);
  await runtime.close();
});

test('receiveMany that gives up has what it took', async () => {
  const many = new ReceiveMany(null, true, 3, idOf);
  const outcome = Promise.resolve(many.outcome());
  expect(many.deliver(message(1, 'a', 0, 0))).toBe(Delivery.taken);
  many.giveUp(new Error('enough'), () => many.withdrawn());
  expect(await outcome).toEqual([1]);
  expect(many.deliver(message(2, 'a', 0, 0))).toBe(Delivery.declined);
  const none = new ReceiveMany(null, true, 3, idOf);
  const failure = rejection(Promise.resolve(none.outcome()));
  none.giveUp(new Error('enough'), () => none.withdrawn());
  expect((await failure).message).toBe('enough');
});

test.each([-1, Number.NaN, '5', null])('timeout %s is refused, and nothing is sent', async (timeout) => {
  const runtime = await alone();
  const rx = await runtime.receiver(mailbox('m'));
  const tx = await runtime.sender(mailbox('m'));
  const error = (await rejection(tx.send(1, { timeout: timeout as number }))) as PigeonholeError;
  expect(error.code).toBe('ERR_CONFIG');
  expect(error.message).toBe(
    `option timeout is ${JSON.stringify(timeout) === 'null' ? timeout : JSON.stringify(timeout)}; it must be milliseconds, 0 or more (absent: wait for ever)`,
  );
  expect(await rx.tryReceive()).toBe(null);
  await runtime.close();
});

test('a send whose time is over says what it lacked', async () => {
  const runtime = await alone();
  const [full, meeting] = [
    mailbox<number>('full', { capacity: 2 }),
    mailbox<number>('meeting', { capacity: 0 }),
  ];
  const lent = mailbox<Uint8Array>('lent', { capacity: 1, codec: 'raw' });
  await Promise.all([full, meeting, lent].map((box) => runtime.receiver(box as MailboxAddress<unknown>)));
  const [toFull, toMeeting, toLent] = [
    await runtime.sender(full),
    await runtime.sender(meeting),
    await runtime.sender(lent),
  ];
  await toFull.sendMany([1, 2]);
  await toLent.send(new Uint8Array(1));
  const timeout = 1;
  const messages = await Promise.all(
    [
      toFull.send(3, { timeout }),
      toFull.sendMany([3, 4], { timeout }),
      toMeeting.send(1, { timeout }),
      toLent.loan(1).commit({ timeout }),
    ].map(async (call) => (await rejection(call)).message),
  );
  const late = 'did not complete within timeout 1 ms';
  expect(messages).toEqual([
    `send to mailbox 'full' ${late}: no place came free (capacity 2)`,
    expect.stringContaining(`send to mailbox 'full' ${late}: no place came free (capacity 2)`),
    `send to mailbox 'meeting' ${late}: nobody received it (capacity 0)`,
    `commit to mailbox 'lent' ${late}: no place came free (capacity 1)`,
  ]);
  await runtime.close();
});

test('timeout 0 fails at once unless the call can be done at once', async () => {
  const runtime = await alone();
  const orders = mailbox<number>('m', { capacity: 1 });
  const rx = await runtime.receiver(orders);
  const tx = await runtime.sender(orders);
  await tx.send(1, { timeout: 0 });
  expect((await rejection(tx.send(2, { timeout: 0 }))).message).toBe(
    "send to mailbox 'm' did not complete within timeout 0 ms: no place came free (capacity 1)",
  );
  expect((await rx.receive({ timeout: 0 })).body).toBe(1);
  expect((await rejection(rx.receive({ timeout: 0 }))).message).toBe(
    "receive from mailbox 'm' did not complete within timeout 0 ms",
  );
  await runtime.close();
});
