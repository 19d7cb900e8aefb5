/** Another process (or thread) of a case: answers the leading one's questions, and ends when that one does. */

import { isMainThread, parentPort } from 'node:worker_threads';
import { loadCase } from './catalogue.js';
import type { Channel } from './contender.js';
import { type Ask, ipcEndpoint, type Job, portEndpoint, splitChannel } from './control.js';
import { describeError } from './fork.js';
import { type AnyHalf, kindNamed } from './kinds.js';
import { makePlace } from './place.js';

/** The half of that job. */
export async function openHalf(job: Job, channel: Channel): Promise<AnyHalf> {
  const testCase = await loadCase(job.file, job.kind, job.name);
  return kindNamed(job.kind).second(testCase, job, makePlace(job, channel));
}

async function answer(
  channel: Channel,
  half: Promise<AnyHalf> | undefined,
  { id, name, argument }: Ask,
): Promise<void> {
  try {
    const call = (await half)?.[name];
    if (call === undefined) throw new Error(`this process has no ${name}()`);
    channel.send({ bench: 'answer', id, value: await call(argument) });
  } catch (error) {
    channel.send({ bench: 'answer', id, error: describeError(error) });
  }
}

/** Listens for the job, then for questions. */
export function runSecond(): void {
  let half: Promise<AnyHalf> | undefined;
  const endpoint = isMainThread || parentPort === null ? ipcEndpoint(process) : portEndpoint(parentPort);
  const channel = splitChannel(endpoint, (message) => {
    if (message.bench === 'job') half = openHalf(message.job, channel);
    if (message.bench === 'ask') void answer(channel, half, message);
  });
  process.once('disconnect', () => process.exit(0));
}
