// npm run demo, npm run exercise [-- OPTIONS]: installs and builds what is missing, then runs an example.
import { existsSync } from 'node:fs';
import { ensureInstalled } from './install.mjs';
import { root, run } from './run.mjs';
import { turbo } from './turbo.mjs';

const [script, ...args] = process.argv.slice(2);
await ensureInstalled();
if (!existsSync(`${root}/examples/dist`))
  console.error('Building the packages and the examples (half a minute)');
const built = await turbo('build', { filters: ['@pigeonhole/examples...'] });
if (built !== 0) process.exit(built);
const { code } = await run(process.execPath, [`dist/${script}`, ...args], { cwd: `${root}/examples` });
process.exit(code);
