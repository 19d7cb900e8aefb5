import { defineConfig } from 'tsup';

// File by file, not bundled: dist mirrors the sources, so a file finds its neighbours (and the scripts that it
// starts as child processes) by paths relative to import.meta.url.
export default defineConfig({
  entry: ['*/**/*.ts', '!dist/**', '!node_modules/**', '!**/test/**'],
  esbuildOptions: (options) => {
    options.outbase = '.';
  },
  outDir: 'dist',
  format: 'esm',
  target: 'node20',
  platform: 'node',
  bundle: false,
  sourcemap: true,
  clean: true,
  removeNodeProtocol: false,
});
