import type { Runtime } from '@pigeonhole/core';

/** Resolves when process `name` is known to have ended. */
export function departure(runtime: Runtime, name: string): Promise<void> {
  return new Promise((resolve) => {
    runtime.on('peer:down', (event) => {
      if (event.name === name) resolve();
    });
  });
}
