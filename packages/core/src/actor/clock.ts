/** Time as the actors see it, so that tests can bring their own. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since the epoch. */
  wall(): number;
  /** Calls back once, `delay` milliseconds from now. */
  after(delay: number, callback: () => void): Alarm;
}

export interface Alarm {
  cancel(): void;
  /** Whether it keeps the process alive; at first it does. */
  hold(alive: boolean): void;
}

/** Resolves when `work` has, or after so many milliseconds: an end must come, whatever clock the actors have. */
export function within(work: Promise<unknown>, deadline: number): Promise<void> {
  return new Promise((resolve) => {
    const alarm = systemClock.after(deadline, resolve);
    void work.then(() => {
      alarm.cancel();
      resolve();
    });
  });
}

/** setTimeout's longest delay: a longer one fires after 1 ms (Node documentation, "Timers"). */
const LONGEST = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(delay, callback) {
    let timer: NodeJS.Timeout;
    const arm = (left: number): void => {
      const part = Math.min(left, LONGEST);
      timer = setTimeout(() => (left > part ? arm(left - part) : callback()), part);
    };
    arm(Math.max(0, delay));
    return {
      cancel: () => clearTimeout(timer),
      hold: (alive) => void (alive ? timer.ref() : timer.unref()),
    };
  },
};
