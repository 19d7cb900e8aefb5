/** Starts the processes of an exercise: they share our output and our namespace. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

// Two runs at a time have nothing to do with each other.
process.env.PIGEONHOLE_NAMESPACE ??= `exercise-${process.pid}`;

export function start(script: URL, ...args: string[]): ChildProcess {
  return spawn(process.execPath, [fileURLToPath(script), ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

/** Resolves when they have all ended well; when one has not, ends the others and rejects. */
export async function ended(...children: ChildProcess[]): Promise<void> {
  try {
    await Promise.all(
      children.map(async (child) => {
        const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
        if (code !== 0) throw new Error(`${child.spawnargs[1]} ended with ${signal ?? `exit code ${code}`}`);
      }),
    );
  } catch (error) {
    for (const child of children) child.kill();
    throw error;
  }
}
