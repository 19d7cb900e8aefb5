import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Boot, Order, Report } from './actor-host.js';
import type { ActorRuntime } from './actor-runtime.js';

/** A process or thread that serves one actor. */
export interface Vessel {
  send(order: Order): void;
  /** At once; a thread whose event loop turns ends itself, another is ended half a second later. */
  kill(): void;
  /** When nothing of it is left. */
  readonly gone: Promise<void>;
}

export interface VesselEvents {
  report(report: Report): void;
  /** Once, however it ended. `how` completes the sentence "the process …". */
  gone(how: string): void;
}

/** Milliseconds after which a thread that was told to exit is ended from outside. */
const DEAF_AFTER = 500;

/** Beside every entry and chunk of the built package. */
const script = new URL('./actor-host.js', import.meta.url);

export function launchProcess(boot: Boot, events: VesselEvents, runtime: ActorRuntime): Vessel {
  const child = runtime.startProcess(fileURLToPath(script), {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const send = (order: Order): void => void (child.connected && child.send(order, () => {}));
  child.on('message', (report) => events.report(report as Report));
  const gone = new Promise<void>((resolve) => {
    const end = (how: string): void => {
      resolve();
      events.gone(how);
    };
    child.once('exit', (code, signal) =>
      end(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`),
    );
    child.once('error', (error) => {
      if (child.pid === undefined) end(`could not be started: ${error.message}`);
    });
  });
  send({ boot });
  return { send, kill: () => void child.kill('SIGKILL'), gone };
}

export function launchThread(boot: Boot, events: VesselEvents): Vessel {
  const worker = new Worker(script, { workerData: null });
  let failure = '';
  worker.on('message', (report) => events.report(report as Report));
  worker.on('error', (error) => {
    failure = `: ${error.message}`;
  });
  const gone = new Promise<void>((resolve) => {
    worker.once('exit', (code) => {
      resolve();
      events.gone(`ended with exit code ${code}${failure}`);
    });
  });
  worker.postMessage({ boot } satisfies Order);
  // A thread that answers ends itself: terminate() with a datagram on its way in aborts the process (UDPWrap::OnRecv, Node.js 20).
  const kill = (): void => {
    worker.postMessage({ exit: true } satisfies Order);
    const last = setTimeout(() => void worker.terminate(), DEAF_AFTER);
    void gone.then(() => clearTimeout(last));
  };
  return { send: (order) => worker.postMessage(order), kill, gone };
}
