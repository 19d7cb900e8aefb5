import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  hasSystemCode,
  PigeonholeError,
  type QueueApi,
  queueOwnerFile,
  queueOwnerOf,
} from '@pigeonhole/core/transport';
import { FileLock } from '@pigeonhole/native';

/**
 * Whose inbox queue it is: a file for each in the namespace directory, made before the queue and removed after it, and locked by the
 * process while it lives. A queue outlives its process, and says nothing of it; the kernel drops the lock.
 */
export class Owner {
  private constructor(
    private readonly path: string,
    private readonly lock: FileLock,
  ) {}

  static register(directory: string, incarnation: string, api: QueueApi): Owner {
    const path = queueOwnerFile(directory, incarnation, api);
    for (;;) {
      const lock = new FileLock(path, { create: true });
      // Between the two it may have been taken for a dead process's.
      if (lock.tryLock(0, 1) && existsSync(path)) return new Owner(path, lock);
      lock.close();
    }
  }

  static lives(directory: string, incarnation: string, api: QueueApi): boolean {
    const lock = openLock(queueOwnerFile(directory, incarnation, api));
    const lives = lock?.isHeldByAnother(0, 1) ?? false;
    lock?.close();
    return lives;
  }

  /** Puts away what dead processes have left. Any number may do it at once. */
  static sweep(directory: string, discard: (incarnation: string, api: QueueApi) => void): void {
    for (const file of listing(directory)) {
      const owner = queueOwnerOf(file);
      if (owner !== null) bury(join(directory, file), () => discard(owner.incarnation, owner.api));
    }
  }

  /** The queue is gone. */
  release(): void {
    rmSync(this.path, { force: true });
    this.lock.close();
  }
}

function bury(path: string, discard: () => void): void {
  const lock = openLock(path);
  if (lock === null) return;
  try {
    if (!lock.tryLock(0, 1) || !existsSync(path)) return;
    discard();
    rmSync(path, { force: true });
  } finally {
    lock.close();
  }
}

function openLock(path: string): FileLock | null {
  try {
    return new FileLock(path);
  } catch (error) {
    if (error instanceof PigeonholeError && error.code === 'ERR_PEER_DOWN') return null; // it has gone meanwhile
    throw error;
  }
}

function listing(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT')) return [];
    throw error;
  }
}
