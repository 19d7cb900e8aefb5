// npm run build [-- WORKSPACE …]
import { ensureInstalled } from './install.mjs';
import { turbo } from './turbo.mjs';

await ensureInstalled();
process.exit(await turbo('build', { filters: process.argv.slice(2), loud: true }));
