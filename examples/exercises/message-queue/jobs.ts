import { mailbox } from '@pigeonhole/core';

/** Each message has a type besides its body, and a reader may ask for one type before the others. */
export const URGENT = 1;
export const ORDINARY = 2;

export const jobs = mailbox<string>('jobs', { capacity: 8 });
