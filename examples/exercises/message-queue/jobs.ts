import { mailbox } from '@pigeonhole/core';

/** One message queue of the kernel, of System V: each message has a type besides its body, and `msgrcv` takes the first of a type. */
export const transport = { use: 'mqueue', api: 'sysv', queue: 'kernel' } as const;

export const URGENT = 1;
export const ORDINARY = 2;

export const jobs = mailbox<string>('jobs', { capacity: 8 });
