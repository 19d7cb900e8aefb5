import type { Capacity, Ordering } from './address.js';
import { PigeonholeError } from './errors.js';
import type { MailboxSpec } from './transport.js';

/** R20: what a mailbox holds when nobody said: bounded, never unbounded. */
export const DEFAULT_CAPACITY = 1024;

/** R19: the error of opening an existing mailbox with another capacity or ordering than its own, or null. */
export function capacityMismatch(
  asked: Pick<MailboxSpec, 'name' | 'capacity' | 'ordering'>,
  own: { readonly capacity: Capacity; readonly ordering: Ordering },
): PigeonholeError | null {
  if (asked.capacity !== undefined && asked.capacity !== own.capacity)
    return new PigeonholeError(
      'ERR_CAPACITY_MISMATCH',
      `mailbox '${asked.name}' has capacity ${own.capacity}; it was opened with capacity ${asked.capacity}: use the same, or leave it out to adopt its own`,
      { address: asked.name },
    );
  if (asked.ordering !== undefined && asked.ordering !== own.ordering)
    return new PigeonholeError(
      'ERR_CONFIG',
      `mailbox '${asked.name}' has ordering '${own.ordering}'; it was opened with ordering '${asked.ordering}': use the same, or leave it out to adopt its own`,
      { address: asked.name },
    );
  return null;
}
