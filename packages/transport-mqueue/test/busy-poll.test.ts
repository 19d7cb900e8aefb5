/** For which queues the event loop is kept turning when something has come. */
import { mailbox } from '@pigeonhole/core';
import { BusyPoll } from '@pigeonhole/core/transport';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { MqueueOptions } from '../dist/index.js';
import { runtimeIn, scratch } from './scene.js';

const cases: [MqueueOptions, number][] = [
  [{ queue: 'kernel', api: 'posix' }, 1],
  [{ queue: 'kernel', api: 'sysv' }, 0],
  [{ api: 'posix' }, 1],
  [{ api: 'sysv' }, 0],
];

test.each(cases)(
  '%j: the event loop is kept turning when a message has come, unless a thread waits',
  async (options, duration) => {
    const stir = vi.spyOn(BusyPoll.prototype, 'stir');
    onTestFinished(() => stir.mockRestore());
    const durations = (): unknown[] =>
      stir.mock.contexts.map(
        (poll) => (poll as unknown as { patience: { duration: number } }).patience.duration,
      );
    const directory = scratch();
    const [receiving, sending] = await Promise.all([
      runtimeIn(directory, options, 'receiving', { busyPoll: 1000 }),
      runtimeIn(directory, options, 'sending', { busyPoll: 1000 }),
    ]);
    const receiver = await receiving.receiver(mailbox<number>('polled', { capacity: 4 }));
    const sender = await sending.sender(mailbox<number>('polled'));
    const received = receiver.receive();
    stir.mockClear();
    await sender.send(1);
    expect((await received).body).toBe(1);
    expect(new Set(durations())).toEqual(new Set([duration]));
  },
);

test('what a process has sent itself keeps it awake for nothing', async () => {
  const stir = vi.spyOn(BusyPoll.prototype, 'stir');
  onTestFinished(() => stir.mockRestore());
  const directory = scratch();
  const own = await runtimeIn(directory, { queue: 'kernel', api: 'posix' }, 'own', { busyPoll: 1000 });
  const receiver = await own.receiver(mailbox<number>('own', { capacity: 4 }));
  const other = await runtimeIn(directory, { queue: 'kernel', api: 'posix' }, 'other', { busyPoll: 1000 });
  await other.send(mailbox<number>('own'), 0);
  // Taken within the call, not because word came of it.
  expect((await receiver.receive()).body).toBe(0);
  stir.mockClear();
  const received = receiver.receive();
  await own.send(mailbox<number>('own'), 1);
  expect((await received).body).toBe(1);
  expect(stir).not.toHaveBeenCalled();
});
