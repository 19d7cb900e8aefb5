import { Presets, SingleBar } from 'cli-progress';
import type { RunSettings } from './settings.js';

export interface Progress {
  update(counted: number): void;
  /** Ends the display. Calling it again does nothing. */
  stop(): void;
}

/** A bar on a terminal, a single line anywhere else, nothing with `--json`. Writes to standard error. */
export function showProgress({ total, output }: RunSettings): Progress {
  if (output === 'json') return silent;
  if (!process.stderr.isTTY) {
    process.stderr.write(`counting ${total} flights\n`);
    return silent;
  }
  const bar = new SingleBar(
    { format: 'flights {bar} {percentage}% | {value}/{total}', gracefulExit: false, hideCursor: true },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  return {
    update: (counted) => bar.update(counted),
    stop: () => bar.stop(),
  };
}

const silent: Progress = { update: () => {}, stop: () => {} };
