/** When the event loop is kept turning for what may come next over a link, and when it is not. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BusyPoll } from '../src/hosted/busy-poll.js';
import { createRuntime, mailbox } from '../src/index.js';
import { runtimeDirectory } from './child.js';

describe('a busy poll', () => {
  let now = 0;
  let due: (() => void)[] = [];

  beforeEach(() => {
    now = 1_000;
    due = [];
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    vi.spyOn(globalThis, 'setImmediate').mockImplementation(((turn: () => void) => {
      due.push(turn);
    }) as unknown as typeof setImmediate);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  /** One turn of the event loop, so much later. */
  function turn(milliseconds: number): void {
    now += milliseconds;
    const all = due;
    due = [];
    for (const each of all) each();
  }

  /** An occasion after which nothing comes; how many turns it was worth. */
  function inVain(poll: BusyPoll): number {
    poll.stir();
    let turns = 0;
    for (; due.length > 0; turns++) turn(0.02);
    return turns;
  }

  test('lasts so long after what came last, and no longer', () => {
    const poll = new BusyPoll(0.05);
    poll.stir();
    // The handler took its time, which does not count.
    turn(10);
    turn(0.04);
    expect(due).toHaveLength(1);
    poll.stir();
    poll.stir();
    turn(0.04);
    turn(0.04);
    expect(due).toHaveLength(1);
    turn(0.02);
    expect(due).toHaveLength(0);
  });

  test('is left out where it was in vain: once, then three times, at most fifteen', () => {
    const poll = new BusyPoll(0.05);
    const worth = Array.from({ length: 60 }, () => inVain(poll));
    const tries = worth.flatMap((turns, index) => (turns > 0 ? [index] : []));
    expect(tries).toEqual([0, 2, 6, 14, 30, 46]);
  });

  test('lasts twice as long when the last was in vain', () => {
    const poll = new BusyPoll(0.05);
    const [first, left, second] = [inVain(poll), inVain(poll), inVain(poll)];
    expect([first, left, second]).toEqual([4, 0, 7]);
  });

  test('is tried each time again when it has been of use', () => {
    const poll = new BusyPoll(0.05);
    for (let i = 0; i < 31; i++) inVain(poll);
    for (let i = 0; i < 15; i++) expect(inVain(poll)).toBe(0);
    poll.stir();
    turn(0.01);
    poll.stir();
    for (let i = 0; i < 4; i++) turn(0.02);
    expect(due).toHaveLength(0);
    // One failure since, and no more.
    expect([inVain(poll), inVain(poll)]).toEqual([0, 7]);
  });

  test('never is, with no duration', () => {
    new BusyPoll(0).stir();
    expect(due).toHaveLength(0);
  });
});

test('what comes over a link begins one, as long as is configured', async () => {
  const stir = vi.spyOn(BusyPoll.prototype, 'stir');
  const directory = await runtimeDirectory();
  const options = { directory, logger: false, config: false, transport: 'uds' } as const;
  const durations = (): unknown[] =>
    stir.mock.contexts.map((poll) => (poll as unknown as { duration: number }).duration);
  const [receiving, sending] = await Promise.all([
    createRuntime({ ...options, name: 'receiving', busyPoll: 1000 }),
    createRuntime({ ...options, name: 'sending', busyPoll: 0 }),
  ]);
  try {
    const receiver = await receiving.receiver(mailbox<number>('polled'));
    const sender = await sending.sender(mailbox<number>('polled'));
    stir.mockClear();
    await sender.send(1);
    expect((await receiver.receive()).body).toBe(1);
    expect(new Set(durations())).toEqual(new Set([0, 1]));
  } finally {
    await Promise.all([receiving.close(), sending.close()]);
    stir.mockRestore();
  }
});
