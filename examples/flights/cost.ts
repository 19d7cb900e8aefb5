/** What a run costs beside its time: processor time, and how long one exchange of messages takes. */
import { createHistogram } from 'node:perf_hooks';
import type { Cost } from './messages.js';

/** Processor time of this process from now on. Services of one process have one `pid`, and all of its time each. */
export function startMeter(): () => Cost {
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return { pid: process.pid, microseconds: user + system };
  };
}

/** Sums over processes, by the latest word of each. */
export class Costs {
  readonly #byProcess = new Map<number, number>();

  enter({ pid, microseconds }: Cost): void {
    this.#byProcess.set(pid, Math.max(microseconds, this.#byProcess.get(pid) ?? 0));
  }

  get seconds(): number {
    return [...this.#byProcess.values()].reduce((sum, each) => sum + each, 0) / 1e6;
  }
}

/** Microseconds. */
export interface RoundTrip {
  p50: number;
  p99: number;
}

/** Exchanges until code is compiled, and those that are counted. */
const WARM_UP = 200;
const EXCHANGES = 600;

/** One exchange after another. */
export async function timeRoundTrips(exchange: () => Promise<void>): Promise<RoundTrip> {
  const times = createHistogram();
  for (let count = -WARM_UP; count < EXCHANGES; count++) {
    const begun = process.hrtime.bigint();
    await exchange();
    if (count >= 0) times.record(process.hrtime.bigint() - begun);
  }
  return { p50: times.percentile(50) / 1000, p99: times.percentile(99) / 1000 };
}
