/** The leading process of a case: starts the others, measures, and reports to the main process. */

import { loadCase } from './catalogue.js';
import { ipcEndpoint, type Job, noChannel, type Report, splitChannel } from './control.js';
import { describeError } from './fork.js';
import type { Session } from './kind.js';
import { type AnyHalf, type AnyKind, kindNamed } from './kinds.js';
import { type Other, type StartedAs, startOther } from './others.js';
import { makePlace } from './place.js';
import { warmUp } from './warm-up.js';

function report(message: Report): void {
  process.send?.(message);
}

function start(count: number, job: Job, how: StartedAs): Other[] {
  return Array.from({ length: count }, (_other, index) => {
    const other = startOther({ ...job, index }, how);
    if (other.pid !== undefined) report({ bench: 'second', pid: other.pid, index });
    return other;
  });
}

/** The case, open and warm. */
interface Ready {
  measure(): Promise<void>;
  end(): Promise<void>;
}

async function prepare(kind: AnyKind, job: Job, proceed: Promise<void>): Promise<Ready> {
  // While the others start, this process loads what it needs.
  const early = start(job.early, job, {});
  const testCase = await loadCase(job.file, job.kind, job.name);
  const others = job.early > 0 ? early : start(kind.others(testCase), job, testCase);
  const seconds = others.map(({ remote }) => remote);
  const session: Session<AnyHalf> = {
    job,
    place: makePlace(job, others[0]?.channel ?? noChannel),
    seconds,
    second: seconds[0] ?? {},
    phase: (text) => report({ bench: 'phase', text }),
  };
  const opened = await kind.open(testCase, session);
  session.phase('the case to be warm');
  const warmed = opened.warm && (await warmUp(opened.warm, job.warmUp));
  report({ bench: 'ready' });
  if (job.hold) await proceed;
  report(warmed === undefined ? { bench: 'warm' } : { bench: 'warm', warmUp: warmed });
  return {
    measure: async () => report({ bench: 'result', measurement: await opened.measure() }),
    async end() {
      session.phase('everything to close');
      await opened.close();
      session.phase('the other processes to end');
      await Promise.all(others.map((other) => other.close()));
    },
  };
}

/** Listens for the job and for what is to be done with it, and ends when told to, or when the main process does. */
export function runLead(): void {
  let proceed: () => void = () => undefined;
  const proceeding = new Promise<void>((resolve) => {
    proceed = resolve;
  });
  let ready: Promise<Ready> | undefined;
  const attempt = (step: Promise<unknown> | undefined): void => {
    step?.catch((error: unknown) => {
      report({ bench: 'failure', text: describeError(error) });
      process.disconnect();
    });
  };
  splitChannel(ipcEndpoint(process), (message) => {
    if (message.bench === 'proceed') proceed();
    if (message.bench === 'job') {
      ready = prepare(kindNamed(message.job.kind), message.job, proceeding);
      attempt(ready);
    }
    if (message.bench === 'measure') attempt(ready?.then((it) => it.measure()));
    if (message.bench === 'end') attempt(ready?.then((it) => it.end()).then(() => process.disconnect()));
  });
  process.once('disconnect', () => process.exit(0));
}
