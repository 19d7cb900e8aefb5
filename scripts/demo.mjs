// npm run demo [-- OPTIONS]: installs and builds what is missing, then runs examples/flights.
import { ensureInstalled } from './install.mjs';
import { root, run } from './run.mjs';
import { turbo } from './turbo.mjs';

await ensureInstalled();
const built = await turbo('build', { filters: ['@pigeonhole/examples...'] });
if (built !== 0) process.exit(built);
const { code } = await run(process.execPath, ['dist/flights/main.js', ...process.argv.slice(2)], {
  cwd: `${root}/examples`,
});
process.exit(code);
