import type { Alarm, Clock } from './clock.js';
import type { ActorTimers } from './context.js';
import { checkTime } from './option-error.js';

/** The timers of one instance. `deliver` is given a function to call when the turn begins. */
export class Timers implements ActorTimers {
  private readonly alarms = new Map<string, Alarm>();

  constructor(
    private readonly clock: Clock,
    private readonly deliver: (handler: string, arg: unknown, taken: () => void) => void,
  ) {}

  once(key: string, delay: number, handler: string, arg?: unknown): void {
    this.cancel(key);
    const alarm = this.clock.after(checkTime(delay, 'delay', `of timer '${key}'`), () => {
      this.alarms.delete(key);
      this.deliver(handler, arg, () => {});
    });
    this.alarms.set(key, alarm);
  }

  every(key: string, interval: number, handler: string, arg?: unknown): void {
    this.cancel(key);
    checkTime(interval, 'interval', `of timer '${key}'`);
    let waiting = false;
    const taken = (): void => {
      waiting = false;
    };
    const arm = (): void => {
      const alarm = this.clock.after(Math.max(1, interval), () => {
        arm();
        if (waiting) return;
        waiting = true;
        this.deliver(handler, arg, taken);
      });
      this.alarms.set(key, alarm);
    };
    arm();
  }

  cancel(key: string): void {
    this.alarms.get(key)?.cancel();
    this.alarms.delete(key);
  }

  clear(): void {
    for (const alarm of this.alarms.values()) alarm.cancel();
    this.alarms.clear();
  }
}
