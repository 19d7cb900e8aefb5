/** Says how far a run is: a bar on a terminal, a line a case anywhere else. */

import { Presets, SingleBar } from 'cli-progress';

/** Where a run is. */
export interface Progress {
  /** Something begins, which may take a while. */
  begin(label: string): void;
  /** It has ended. */
  end(line: string): void;
  /** A line that stays on the terminal. */
  note(line: string): void;
  /** Nothing more comes. */
  stop(): void;
}

/** Writes to standard error. */
export function showProgress(total: number): Progress {
  if (!process.stderr.isTTY) return lines(total);
  const bar = new SingleBar(
    {
      format: '{bar} {value}/{total}, {eta_formatted} left  {label}',
      hideCursor: true,
      gracefulExit: false,
      etaBuffer: 40,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0, { label: '' });
  return {
    begin: (label) => bar.update({ label }),
    end: () => bar.increment(),
    note: (line) => void process.stderr.write(`\r\x1b[K${line}\n`),
    stop: () => bar.stop(),
  };
}

function lines(total: number): Progress {
  let done = 0;
  return {
    begin: () => undefined,
    end(line) {
      done += 1;
      process.stderr.write(`[${done}/${total}] ${line}\n`);
    },
    note: (line) => void process.stderr.write(`${line}\n`),
    stop: () => undefined,
  };
}
