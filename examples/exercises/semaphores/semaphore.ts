import { type MailboxAddress, mailbox } from '@pigeonhole/core';

export const TURNS = 3;

/** A mailbox with one place: to receive from it is `wait`, to send to it is `signal`. What is sent does not matter. */
export function semaphore(name: string): MailboxAddress<null> {
  return mailbox<null>(`${name}-may-print`, { capacity: 1 });
}
