// npm run test:proofs [-- VITEST OPTIONS]: what takes too long for npm test, which has a small part of it. vitest.config.ts says
// which files; PIGEONHOLE_TESTS and PIGEONHOLE_KILLS say how much of each.
import { ensureInstalled } from './install.mjs';
import { turbo } from './turbo.mjs';
import { closingLine, runVitest } from './vitest.mjs';

process.env.PIGEONHOLE_TESTS = 'proofs';
process.env.PIGEONHOLE_KILLS ??= '25';
await ensureInstalled();
const built = await turbo('build');
if (built !== 0) process.exit(built);
const result = await runVitest({ args: process.argv.slice(2) });
console.log(closingLine(result));
process.exit(result.failed === 0 ? 0 : 1);
