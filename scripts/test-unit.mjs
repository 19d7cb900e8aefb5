// npm run test:unit [-- VITEST OPTIONS]: builds (child processes of the tests load dist), then runs vitest.
import { ensureInstalled } from './install.mjs';
import { turbo } from './turbo.mjs';
import { closingLine, runVitest } from './vitest.mjs';

await ensureInstalled();
const built = await turbo('build');
if (built !== 0) process.exit(built);
const result = await runVitest({ args: process.argv.slice(2) });
console.log(closingLine(result));
process.exit(result.failed === 0 ? 0 : 1);
