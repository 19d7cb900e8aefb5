/** `trySend`s of many senders at once, to count what a mailbox takes. */
import assert from 'node:assert/strict';
import type { Harness } from './harness.js';
import type { Party } from './party.js';
import type { AddressSpec } from './surface.js';

/** Resolves once `party` has reached the mailbox that `host` has; leaves it empty. */
export async function known(t: Harness, party: Party, host: Party, mailbox: AddressSpec): Promise<void> {
  await t.until(() => party.trySend(mailbox, 'is the host known?'), 'the host to be known');
  assert.equal((await host.tryReceive(mailbox))?.body, 'is the host known?');
}

/** How many of a burst of concurrent `trySend`s from all `senders` were accepted. */
export async function burst(senders: readonly Party[], mailbox: AddressSpec, each: number): Promise<number> {
  const handles = await Promise.all(senders.map((sender) => sender.sender(mailbox)));
  const tries = handles.flatMap((sender, at) =>
    Array.from({ length: each }, (_, n) => sender.trySend(`${at}:${n}`)),
  );
  const accepted = (await Promise.all(tries)).filter((outcome) => outcome).length;
  await Promise.all(handles.map((handle) => handle.close()));
  return accepted;
}
