/** What the conformance suite, the model and the nemesis are told of mailboxes that are queues of the kernel's. */
import mqueue from '../dist/index.js';
import { discard } from './discard.js';

export function kernel(api: 'posix' | 'sysv') {
  return {
    // Several mailboxes at once, of a budget that is the user's: see RLIMIT_MSGQUEUE in the README.
    transport: { use: 'mqueue', queue: 'kernel', api, ...(api === 'posix' ? { messageBytes: 4096 } : {}) },
    lacks: mqueue({ queue: 'kernel', api }).capabilities.lacks ?? [],
    discard,
  };
}
