/** A service's process: `node service.js <name> <settings as JSON>`. main.ts starts one for each service. */
import { runService } from './services.js';
import type { RunSettings } from './settings.js';

const [name = '', settings = '{}'] = process.argv.slice(2);
const stopped = new AbortController();

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stopped.abort());
}

try {
  const right = await runService(name, JSON.parse(settings) as RunSettings, stopped.signal);
  process.exitCode = right ? 0 : 1;
} catch (error) {
  if (!stopped.signal.aborted) process.stderr.write(`${name}: ${describe(error)}\n`);
  process.exitCode = 1;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
