import type { AddonFileLock } from './addon.js';
import { attempt } from './kernel-error.js';
import { native } from './load.js';

export interface FileLockOptions {
  /** Whether the file is made (mode 0600) where it is missing. Default false. */
  create?: boolean;
}

/**
 * Locks on byte ranges of one file, which the kernel drops when this object is closed or collected, or its process dies: so keep it.
 * Each `FileLock` excludes every other, also one of the same process. Ranges may lie beyond the end of the file.
 */
export class FileLock {
  private readonly lock: AddonFileLock;

  constructor(
    readonly path: string,
    { create = false }: FileLockOptions = {},
  ) {
    const addon = native();
    this.lock = attempt(`open ${path}`, path, () => new addon.FileLock(path, create));
  }

  /** Locks the range if no other holds a part of it; never waits. `shared` locks admit one another. */
  tryLock(start: number, length: number, { shared = false } = {}): boolean {
    return attempt(`lock ${this.path}`, this.path, () => this.lock.tryLock(start, length, shared));
  }

  /** Whether another holds a lock, shared or not, on a part of the range. */
  isHeldByAnother(start: number, length: number): boolean {
    return attempt(`ask for the locks of ${this.path}`, this.path, () => this.lock.probe(start, length));
  }

  unlock(start: number, length: number): void {
    attempt(`unlock ${this.path}`, this.path, () => this.lock.unlock(start, length));
  }

  /** Drops all locks. Idempotent; other calls then fail. */
  close(): void {
    this.lock.close();
  }
}
