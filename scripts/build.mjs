// npm run build, npm run typecheck: node scripts/build.mjs [TASK] [WORKSPACE …]
import { ensureInstalled } from './install.mjs';
import { turbo } from './turbo.mjs';

const [task = 'build', ...filters] = process.argv.slice(2);
await ensureInstalled();
process.exit(await turbo(task, { filters, loud: true }));
