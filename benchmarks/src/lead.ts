/** The leading process of a case: starts the others, measures, and reports to the main process. */

import { loadCase } from './catalogue.js';
import { ipcEndpoint, type Job, noChannel, type Report, splitChannel } from './control.js';
import { describeError } from './fork.js';
import type { Session } from './kind.js';
import { type AnyHalf, type AnyKind, kindNamed } from './kinds.js';
import { type Other, type StartedAs, startOther } from './others.js';
import { makePlace } from './place.js';

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

async function measure(kind: AnyKind, job: Job, proceed: Promise<void>): Promise<void> {
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
    async ready() {
      report({ bench: 'ready' });
      if (job.hold) await proceed;
    },
  };
  const measurement = await kind.lead(testCase, session);
  session.phase('the other processes to end');
  await Promise.all(others.map((other) => other.close()));
  report({ bench: 'result', measurement });
}

/** Listens for the job, runs it, reports, and ends. */
export function runLead(): void {
  let proceed: () => void = () => undefined;
  const proceeding = new Promise<void>((resolve) => {
    proceed = resolve;
  });
  const run = (job: Job): Promise<void> =>
    measure(kindNamed(job.kind), job, proceeding)
      .catch((error: unknown) => report({ bench: 'failure', text: describeError(error) }))
      .finally(() => process.disconnect());
  splitChannel(ipcEndpoint(process), (message) => {
    if (message.bench === 'job') void run(message.job);
    if (message.bench === 'proceed') proceed();
  });
  process.once('disconnect', () => process.exit(0));
}
