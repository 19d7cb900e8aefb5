// The C++ sources of the addon, for binding.gyp: one a line, relative to the package, always in the same order.
import { readdirSync } from 'node:fs';

const names = readdirSync('src', { recursive: true }).filter((name) => name.endsWith('.cc'));
console.log(
  names
    .sort()
    .map((name) => `src/${name}`)
    .join('\n'),
);
