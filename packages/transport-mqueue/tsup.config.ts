import { defineConfig } from 'tsup';

// scripts/build-cjs.mjs makes CommonJS of what this makes.
export default defineConfig({
  entry: { index: 'src/index.ts' },
  format: 'esm',
  target: 'node20',
  platform: 'node',
  dts: true,
  sourcemap: true,
  clean: true,
  removeNodeProtocol: false,
});
