import { checkOptions } from '../call-options.js';
import type { StopReport } from '../reports.js';
import type { Runtime } from '../runtime.js';
import { checkTime } from './option-error.js';

export interface SignalOptions {
  /** Default SIGTERM and SIGINT. */
  signals?: readonly NodeJS.Signals[];
  /** Milliseconds for `runtime.stop`. Default 10,000. */
  deadline?: number;
  /** Told how it went, before the process ends. */
  report?: (report: StopReport) => void;
  /** `false`: sets `process.exitCode` only, and leaves it to the event loop to end. Default true. */
  exit?: boolean;
}

/** 128 and the number of the signal, as a shell says it. */
const numbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

/**
 * At the first of the signals stops the runtime in order and ends the process: with exit code 0 when everything was handled and
 * delivered, with 1 when something was aborted or left. At the second one the process ends at once. Call what it returns to undo it.
 */
export function stopOnSignals(runtime: Runtime, options: SignalOptions = {}): () => void {
  checkOptions(options, ['signals', 'deadline', 'report', 'exit'], 'stopOnSignals');
  const { signals = ['SIGTERM', 'SIGINT'], deadline = 10_000, report, exit = true } = options;
  checkTime(deadline, 'deadline', 'of stopOnSignals');
  let stopping = false;
  const end = async (): Promise<void> => {
    let code = 1;
    try {
      const outcome = await runtime.stop({ deadline });
      code = outcome.aborted === 0 && outcome.undelivered.length === 0 ? 0 : 1;
      report?.(outcome);
    } finally {
      if (exit) process.exit(code);
      process.exitCode = code;
    }
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(128 + (numbers[signal] ?? 0));
    stopping = true;
    void end();
  };
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
}
