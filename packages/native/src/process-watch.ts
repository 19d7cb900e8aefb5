import { PigeonholeError } from '@pigeonhole/core/transport';
import type { AddonProcessWatch } from './addon.js';
import { attempt } from './kernel-error.js';
import { native } from './load.js';

/** How often a process is asked for where the kernel cannot tell (before Linux 5.3, or a sandbox), in milliseconds. */
const ASK_EVERY = 250;

export interface ProcessWatch {
  /** Stops watching. Idempotent. */
  close(): void;
}

/**
 * Calls `onEnd` once, when process `pid` ends. It does not keep this process running.
 *
 * A process number alone proves nothing, for it is used again: `isAlive` must ask for something that the kernel drops with the process,
 * like a lock. It is asked once the process is being watched, so that the watched one is the meant one; and where the kernel has no pidfd,
 * four times a second.
 */
export function watchProcess(pid: number, isAlive: () => boolean, onEnd: () => void): ProcessWatch {
  let watch: AddonProcessWatch | undefined;
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  const close = (): void => {
    over = true;
    watch?.close();
    clearInterval(timer);
  };
  const end = (): void => {
    if (over) return;
    close();
    onEnd();
  };
  const ask = (): void => {
    if (!isAlive()) end();
  };
  const addon = native();
  try {
    watch = attempt(`watch process ${pid}`, undefined, () => new addon.ProcessWatch(pid, end));
    // In a later turn: nobody is called back from within a call.
    setImmediate(() => over || ask());
  } catch (error) {
    if (!(error instanceof PigeonholeError)) throw error;
    if (error.code === 'ERR_PEER_DOWN') setImmediate(end);
    else timer = setInterval(ask, ASK_EVERY).unref();
  }
  return { close };
}
