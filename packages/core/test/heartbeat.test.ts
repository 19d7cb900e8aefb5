/** Who is taken for dead because nothing comes from him, on a clock of the test's own. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Heartbeat } from '../src/hosted/heartbeat.js';

const INTERVAL = 1000;

beforeEach(
  () => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setImmediate', 'performance'] }),
);
afterEach(() => void vi.useRealTimers());

function beating(vouched = false): { heartbeat: Heartbeat; log: string[] } {
  const log: string[] = [];
  const owner = { vouched: () => vouched, ping: () => log.push('ping'), silent: () => log.push('silent') };
  return { heartbeat: new Heartbeat(INTERVAL, owner), log };
}

test('silence is judged after one interval at least and two at most, and not sooner', () => {
  const { heartbeat, log } = beating();
  vi.advanceTimersByTime(INTERVAL);
  expect(log).toEqual(['ping']);
  vi.advanceTimersByTime(INTERVAL - 1);
  expect(log).toEqual(['ping']);
  vi.advanceTimersByTime(2);
  expect(log).toEqual(['ping', 'silent']);
  heartbeat.stop();
});

test('any sign of life is enough', () => {
  const { heartbeat, log } = beating();
  for (let round = 0; round < 10; round++) {
    vi.advanceTimersByTime(INTERVAL);
    heartbeat.hear();
  }
  expect(log).toEqual(Array(10).fill('ping'));
  heartbeat.stop();
});

test('who is vouched for is neither asked nor judged', () => {
  const { heartbeat, log } = beating(true);
  vi.advanceTimersByTime(20 * INTERVAL);
  expect(log).toEqual([]);
  heartbeat.stop();
});

test('who could not listen himself asks again before he judges', () => {
  const { heartbeat, log } = beating();
  vi.advanceTimersByTime(INTERVAL);
  // Stopped, or busy: time passes and no timer runs.
  const now = performance.now();
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now + 40 * INTERVAL);
  vi.advanceTimersByTime(INTERVAL + 1);
  expect(log).toEqual(['ping', 'ping']);
  clock.mockImplementation(() => now + 41 * INTERVAL);
  vi.advanceTimersByTime(INTERVAL + 1);
  expect(log).toEqual(['ping', 'ping', 'silent']);
  clock.mockRestore();
  heartbeat.stop();
});

test('what came while the process was busy is read before it judges', () => {
  const log: string[] = [];
  // The event loop reads between its timers and its immediates: an answer, as the second beat is due.
  let beats = 0;
  const heartbeat: Heartbeat = new Heartbeat(INTERVAL, {
    vouched: () => {
      if (++beats === 2) setImmediate(() => heartbeat.hear());
      return false;
    },
    ping: () => log.push('ping'),
    silent: () => log.push('silent'),
  });
  vi.advanceTimersByTime(2.5 * INTERVAL);
  expect(log).toEqual(['ping']);
  heartbeat.stop();
});

test('a heartbeat that was stopped judges nobody', () => {
  const { heartbeat, log } = beating();
  vi.advanceTimersByTime(2 * INTERVAL - 1);
  setImmediate(() => heartbeat.stop());
  vi.advanceTimersByTime(5 * INTERVAL);
  expect(log).toEqual(['ping']);
});
