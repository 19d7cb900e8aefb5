import { defineConfig } from 'tsup';

// File by file, not bundled: dist mirrors src, so a file finds its neighbours (and the scripts that it
// starts as child processes) by paths relative to import.meta.url.
export default defineConfig({
  entry: ['src/**/*.ts'],
  esbuildOptions: (options) => {
    options.outbase = 'src';
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
