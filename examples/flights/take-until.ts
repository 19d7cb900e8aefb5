import { setImmediate } from 'node:timers/promises';
import type { Message, Receiver } from '@pigeonhole/core';

/** The most messages taken at once: what a process can lose of a mailbox if it is killed. */
export const BATCH = 64;

/**
 * Messages, as many at once as there are, until `interrupted` is aborted; then what is left in the mailbox,
 * without waiting for more. Takes nothing that it does not yield.
 */
export async function* takeUntil<T>(
  incoming: Receiver<T>,
  interrupted: AbortSignal,
): AsyncGenerator<Message<T>[], void> {
  try {
    for (;;) {
      yield await incoming.receiveMany(BATCH, { signal: interrupted });
      // In one process, full mailboxes could go round for ever without a turn for timers and signals.
      await setImmediate();
    }
  } catch (error) {
    if (!interrupted.aborted || error !== interrupted.reason) throw error;
    // An interrupted receive took nothing.
  }
  for (;;) {
    const message = await incoming.tryReceive();
    if (message === null) return;
    yield [message];
  }
}
