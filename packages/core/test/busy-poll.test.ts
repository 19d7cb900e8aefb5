/** When the event loop is kept turning for what may come next over a link, and when it is not. */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { BusyPoll } from '../src/busy-poll.js';
import { Crowding } from '../src/crowding.js';
import { createRuntime, mailbox } from '../src/index.js';
import { Patience } from '../src/patience.js';
import { runtimeDirectory } from './child.js';

describe('a busy poll', () => {
  let now = 0;
  let due: (() => void)[] = [];
  let crowded = false;
  let closed = 0;
  const crowding = { begin: () => {}, look: (): boolean | undefined => crowded, close: () => void closed++ };

  beforeEach(() => {
    now = 1_000;
    due = [];
    crowded = false;
    closed = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    vi.spyOn(globalThis, 'setImmediate').mockImplementation(((turn: () => void) => {
      due.push(turn);
    }) as unknown as typeof setImmediate);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const busyPoll = (): BusyPoll => new BusyPoll(new Patience(0.05, undefined, crowding));

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
    const poll = busyPoll();
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
    const poll = busyPoll();
    const worth = Array.from({ length: 60 }, () => inVain(poll));
    const tries = worth.flatMap((turns, index) => (turns > 0 ? [index] : []));
    expect(tries).toEqual([0, 2, 6, 14, 30, 46]);
  });

  test('lasts twice as long when the last was in vain', () => {
    const poll = busyPoll();
    const [first, left, second] = [inVain(poll), inVain(poll), inVain(poll)];
    expect([first, left, second]).toEqual([4, 0, 7]);
  });

  test('is tried each time again when it has been of use', () => {
    const poll = busyPoll();
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

  /** Answers that come one after another, each so many milliseconds after the last; how many of them were waited for. */
  function answered(poll: BusyPoll, every: number, times: number): number {
    let waited = 0;
    for (let i = 0; i < times; i++) {
      if (due.length > 0) waited++;
      poll.stir();
      turn(0);
      for (let spent = 0.01; spent < every && due.length > 0; spent += 0.01) turn(0.01);
    }
    return waited;
  }

  test('goes on while answers come in time', () => {
    expect(answered(busyPoll(), 0.04, 200)).toBe(199);
  });

  test('does not count the time of what handles an answer', () => {
    const poll = busyPoll();
    poll.stir();
    turn(0);
    for (let i = 0; i < 200; i++) {
      now += 0.01;
      poll.stir();
      // Its handlers.
      turn(0.15);
      expect(due).toHaveLength(1);
    }
  });

  test('is given up for a while where answers always take longer', () => {
    const poll = busyPoll();
    const waited = answered(poll, 0.08, 1000);
    expect(waited).toBeGreaterThan(400);
    expect(waited).toBeLessThan(600);
  });

  test('rests where others need the processor, and then not', () => {
    const poll = busyPoll();
    answered(poll, 0.04, 10);
    crowded = true;
    expect(answered(poll, 0.04, 100)).toBeLessThan(40);
    expect(due).toHaveLength(0);
    crowded = false;
    expect(answered(poll, 0.04, 10)).toBe(0);
    now += 100;
    expect(answered(poll, 0.04, 10)).toBe(9);
  });

  test('ends though the clock stands still, or goes back', () => {
    for (const step of [0, -1]) {
      const poll = busyPoll();
      poll.stir();
      for (let i = 0; i < 20_000 && due.length > 0; i++) turn(step);
      expect(due).toHaveLength(0);
    }
  });

  test('ends after so many turns, if it is told how many', () => {
    const poll = new BusyPoll(new Patience(0.05, 2, crowding));
    expect([inVain(poll), inVain(poll), inVain(poll)]).toEqual([3, 0, 3]);
  });

  test('ends when it is closed, and is none after that', () => {
    const poll = busyPoll();
    poll.stir();
    poll.close();
    expect(closed).toBe(1);
    turn(0);
    expect(due).toHaveLength(0);
    poll.stir();
    expect(due).toHaveLength(0);
  });

  test('never is, with no duration', () => {
    BusyPoll.of(0).stir();
    expect(due).toHaveLength(0);
  });
});

test('a thread that has to share its processor is told so, by the kernel', async () => {
  const crowding = new Crowding();
  const busy = Array.from({ length: 3 * availableParallelism() }, () =>
    spawn(process.execPath, ['--eval', 'for (;;);'], { stdio: 'ignore' }),
  );
  let over = false;
  onTestFinished(() => {
    over = true;
    for (const each of busy) each.kill('SIGKILL');
    crowding.close();
  });
  for (let crowded = false; !crowded && !over; ) {
    crowding.begin(performance.now());
    for (const end = performance.now() + 20; performance.now() < end; );
    crowded = crowding.look(performance.now()) === true;
    await new Promise((resolve) => setImmediate(resolve));
  }
});

test('what comes over a link begins one, as long as is configured', async () => {
  const stir = vi.spyOn(BusyPoll.prototype, 'stir');
  const directory = await runtimeDirectory();
  const options = { directory, logger: false, config: false, transport: 'uds' } as const;
  const durations = (): unknown[] =>
    stir.mock.contexts.map(
      (poll) => (poll as unknown as { patience: { duration: number } }).patience.duration,
    );
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
