// Runs a task in every workspace that has it, in the order of their dependencies, with a cache on this disk only.
import { runInstalled } from './run.mjs';

const env = {
  ...process.env,
  TURBO_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
  TURBO_NO_UPDATE_NOTIFIER: '1',
};

/** Shows nothing but the output of what failed, unless `loud`. Gives the exit code. */
export async function turbo(task, { filters = [], loud = false } = {}) {
  const args = ['run', task, '--concurrency=2', `--output-logs=${loud ? 'new-only' : 'errors-only'}`];
  for (const filter of filters) args.push(`--filter=${filter}`);
  const { code, printed } = await runInstalled('turbo/bin/turbo', args, { env, capture: !loud });
  if (code !== 0 && !loud) console.error(printed);
  return code;
}
