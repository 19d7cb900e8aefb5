import { rmSync } from 'node:fs';
import { sharedMemoryFolder } from '@pigeonhole/core/transport';

/** Tests leave messages behind, and shared memory keeps them for the next process of the namespace. */
export function discard(namespaceDirectory: string): void {
  rmSync(sharedMemoryFolder('/dev/shm', namespaceDirectory), { recursive: true, force: true });
}
