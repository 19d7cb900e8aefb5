/** Time that this thread spent collecting garbage. */

import { PerformanceObserver } from 'node:perf_hooks';

/** Counts from now on. */
export class GarbageClock {
  private milliseconds = 0;
  private readonly observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      if (startTime >= this.start) this.milliseconds += duration;
    }
  });
  private start = performance.now();

  constructor() {
    this.observer.observe({ entryTypes: ['gc'] });
  }

  /** Forgets what was. */
  restart(): void {
    this.start = performance.now();
    this.milliseconds = 0;
  }

  /** Microseconds since the start; what has just happened may be missing. */
  get microseconds(): number {
    return this.milliseconds * 1000;
  }
}
