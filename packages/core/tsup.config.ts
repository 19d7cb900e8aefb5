import { defineConfig, type Options } from 'tsup';

// All entries land beside one another, and so do the chunks that they share: a path relative to
// import.meta.url means the same in an entry and in a chunk.
const common: Options = {
  entry: {
    index: 'src/index.ts',
    transport: 'src/transport-kit.ts',
    conformance: 'conformance/index.ts',
    agent: 'conformance/agent.ts',
  },
  target: 'node20',
  platform: 'node',
  dts: true,
  sourcemap: true,
  splitting: true, // one instance of each module, whichever entries a program imports
  removeNodeProtocol: false,
};

export default defineConfig([
  { ...common, format: 'esm', clean: ['!**/*.{cjs,cjs.map,d.cts}'] },
  {
    ...common,
    format: 'cjs',
    shims: true, // import.meta.url
    clean: ['!**/*.{js,js.map,d.ts}'],
    noExternal: ['p-queue'], // has no CommonJS build, and require() of ES modules came only with Node 20.19
  },
]);
