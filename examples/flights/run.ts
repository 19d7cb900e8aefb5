/** Two ways to carry out a run: a process for each service, or all services in this one. */
import { anyPeer, createRuntime, peer, type Runtime } from '@pigeonhole/core';
import { AGGREGATOR, flights, type Progress, toReader } from './messages.js';
import { ServiceProcesses } from './processes.js';
import { runService, serviceNames } from './services.js';
import type { RunSettings } from './settings.js';

/** Exit codes of a command that a signal ended: 128 and the signal's number. */
const SIGNALED = { SIGINT: 130, SIGTERM: 143 } as const;
type Signal = keyof typeof SIGNALED;

const aggregator = peer<Progress>(AGGREGATOR);

/** `--kill` strikes when this part of the flights has been counted. */
const KILL_AT = 0.4;

/** Every service in a process of its own. Resolves with the exit code when all have ended. */
export async function runApart(settings: RunSettings, launcher: Runtime, kill?: 'enricher'): Promise<number> {
  const processes = new ServiceProcesses(settings, (name) => {
    launcher.send(toReader, { kind: 'ended', name }).catch(() => {}); // no reader, nobody to tell
  });
  const signals = new SignalWatch(() => processes.terminate());
  const victim = kill === undefined ? undefined : settings.enrichers[0];
  let struck = victim === undefined;
  if (victim !== undefined) {
    void killMidRun(launcher, settings.total, () => processes.kill(victim)).then((pid) => {
      struck = pid !== undefined;
    });
  }
  const failure = await processes.ended();
  if (launcher.explain(flights).capabilities.durable) await putAway(launcher, processes.died);
  signals.stop();
  if (signals.received !== null) return SIGNALED[signals.received];
  return answer(failure ?? (struck ? null : `the run ended before ${victim} could be killed`));
}

/** Where messages outlive their processes, those that nobody has received would be kept for ever: word of progress, and commands to who died. */
async function putAway(launcher: Runtime, died: readonly string[]): Promise<void> {
  while ((await launcher.tryReceive(aggregator)) !== null);
  for (const name of died) {
    const heir = await createRuntime({ name });
    while ((await heir.tryReceive(anyPeer)) !== null);
    await heir.close();
  }
}

/** Every service in this process, each with a runtime of its own. Resolves with the exit code. */
export async function runTogether(settings: RunSettings): Promise<number> {
  const stopped = new AbortController();
  const signals = new SignalWatch(() => stopped.abort());
  const services = serviceNames(settings).map(async (name) => {
    try {
      return (await runService(name, settings, stopped.signal)) ? null : `${name} ended with a wrong result`;
    } catch (error) {
      stopped.abort();
      throw error;
    }
  });
  try {
    const failures = (await Promise.all(services)).filter((failure) => failure !== null);
    return answer(failures[0] ?? null);
  } catch (error) {
    if (signals.received === null) throw error;
    return SIGNALED[signals.received];
  } finally {
    signals.stop();
  }
}

/** Waits for the aggregator's word that enough is counted, never for a time. Never rejects. */
async function killMidRun(
  launcher: Runtime,
  total: number,
  strike: () => number | undefined,
): Promise<number | undefined> {
  try {
    for (;;) {
      const { body } = await launcher.receive(aggregator);
      if (body.counted < total * KILL_AT) continue;
      const pid = strike();
      if (pid !== undefined) process.stderr.write(`killed process ${pid} at ${body.counted} of ${total}\n`);
      return pid;
    }
  } catch {
    return undefined; // the run ended first, and the launcher left
  }
}

function answer(failure: string | null): number {
  if (failure === null) return 0;
  process.stderr.write(`flights: ${failure}\n`);
  return 1;
}

/** Remembers the first signal and passes it on; the same signal again ends this process at once. */
class SignalWatch {
  received: Signal | null = null;
  readonly #handlers = new Map<Signal, () => void>();

  constructor(react: () => void) {
    for (const signal of Object.keys(SIGNALED) as Signal[]) {
      const handler = (): void => {
        this.received ??= signal;
        react();
      };
      this.#handlers.set(signal, handler);
      process.once(signal, handler);
    }
  }

  stop(): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler);
  }
}
