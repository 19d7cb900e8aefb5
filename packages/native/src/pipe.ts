import { attempt } from './kernel-error.js';
import { native } from './load.js';

export interface PipeEnds {
  readonly read: number;
  readonly write: number;
}

/**
 * A pipe2(2) pipe: two descriptors, closed on exec, which are the caller's to close. `capacity`: how many bytes it is to hold (F_SETPIPE_SZ),
 * as far as /proc/sys/fs/pipe-max-size and pipe-user-pages-soft allow. Default 65,536.
 */
export function makePipe(capacity = 0): PipeEnds {
  const addon = native();
  const [read, write] = attempt('make a pipe', undefined, () => addon.makePipe(capacity));
  return { read, write };
}
