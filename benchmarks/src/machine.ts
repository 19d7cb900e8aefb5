/** What the figures were measured on. */

import { availableParallelism, cpus, loadavg, release, type as systemName, totalmem } from 'node:os';

/** The machine, as recorded with every result. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** One-minute load average when the run began: above 0.5, something else was running. */
  readonly loadBefore: number;
}

/** Looks at this machine, now. */
export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${systemName()} ${release()}`,
    node: process.version,
    loadBefore: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

/** One line for the head of a report. */
export function machineLine(machine: Machine): string {
  const { cpu, cores, memoryGiB, kernel, node, loadBefore } = machine;
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB; ${kernel}; Node ${node}; load before ${loadBefore}`;
}
