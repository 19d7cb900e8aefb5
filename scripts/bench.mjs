// npm run bench [-- OPTIONS]: installs and builds what is missing, then runs the benchmarks.
import { ensureInstalled } from './install.mjs';
import { root, run } from './run.mjs';
import { turbo } from './turbo.mjs';

await ensureInstalled();
const built = await turbo('build', { filters: ['@pigeonhole/benchmarks...'] });
if (built !== 0) process.exit(built);
const { code } = await run(process.execPath, [`${root}/benchmarks/dist/main.js`, ...process.argv.slice(2)]);
process.exit(code);
