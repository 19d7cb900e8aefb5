/** The second process of a case: answers the leading process's questions, and ends when that process does. */

import { loadCase } from './catalogue.js';
import { type Ask, type Job, splitChannel } from './control.js';
import { describeError } from './fork.js';
import { kindNamed } from './kinds.js';
import { makePlace } from './place.js';

type Half = Record<string, () => unknown>;

async function answer(half: Promise<Half> | undefined, { id, name }: Ask): Promise<void> {
  try {
    const call = (await half)?.[name];
    if (call === undefined) throw new Error(`the second process has no ${name}()`);
    process.send?.({ bench: 'answer', id, value: await call() });
  } catch (error) {
    process.send?.({ bench: 'answer', id, error: describeError(error) });
  }
}

/** Listens for the job, then for questions. */
export function runSecond(): void {
  let half: Promise<Half> | undefined;
  const channel = splitChannel(process, (message) => {
    if (message.bench === 'job') half = open(message.job);
    if (message.bench === 'ask') void answer(half, message);
  });
  const open = async (job: Job): Promise<Half> => {
    const testCase = await loadCase(job.file, job.kind, job.name);
    return kindNamed(job.kind).second(testCase, job, makePlace(job.directory, channel));
  };
  process.once('disconnect', () => process.exit(0));
}
