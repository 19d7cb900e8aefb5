import { attempt } from './kernel-error.js';
import { native } from './load.js';

export interface PipeEnds {
  readonly read: number;
  readonly write: number;
}

/** A pipe2(2) pipe: two descriptors, closed on exec, which are the caller's to close. */
export function makePipe(): PipeEnds {
  const addon = native();
  const [read, write] = attempt('make a pipe', undefined, () => addon.makePipe());
  return { read, write };
}
