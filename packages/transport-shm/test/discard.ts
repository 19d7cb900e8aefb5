import { rmSync } from 'node:fs';
import { sharedMemoryFolder } from '@pigeonhole/core/transport';

/** Tests leave messages behind, and shared memory keeps them for the next process of the namespace. */
export function discard(namespaceDirectory: string, all = true): void {
  if (!all) return; // they are not in that directory
  rmSync(sharedMemoryFolder('/dev/shm', namespaceDirectory), { recursive: true, force: true });
}
