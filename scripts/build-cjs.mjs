// The second half of a package's build: turns the ES modules of dist into CommonJS, file by file (index.js and
// index.d.ts get an index.cjs and an index.d.cts beside them).
//
// A bundle for each entry would hold its own copy of the classes that entries share, and tsup's own splitting for
// CommonJS goes through a transpiler that rewrites `?.`, `??` and class fields to slow code. So the chunks of the ESM
// build stay the chunks of this one.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { build } from 'esbuild';

const files = readdirSync('dist');

const renamed = {
  name: 'renamed',
  setup({ onResolve }) {
    onResolve({ filter: /./ }, ({ path, kind }) => {
      if (kind === 'entry-point') return undefined;
      if (!path.startsWith('.')) return { path, external: true };
      return { path: path.replace(/\.js$/, '.cjs'), external: true };
    });
  },
};

await build({
  entryPoints: files.filter((name) => name.endsWith('.js')).map((name) => `./dist/${name}`),
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  plugins: [renamed],
  banner: { js: "'use strict';const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  define: { 'import.meta.url': 'importMetaUrl' },
  logLevel: 'warning',
});

for (const name of files.filter((file) => file.endsWith('.d.ts'))) {
  const types = readFileSync(`dist/${name}`, 'utf8');
  const target = `dist/${basename(name, '.d.ts')}.d.cts`;
  writeFileSync(target, types.replace(/(['"])(\.\.?\/[^'"\n]+)\.js\1/g, '$1$2.cjs$1'));
}
