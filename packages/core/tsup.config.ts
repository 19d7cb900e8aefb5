import { defineConfig } from 'tsup';

const entry = {
  index: 'src/index.ts',
  transport: 'src/transport-kit.ts',
  'actor-host': 'src/actor/actor-host.ts',
  testing: 'src/testing/index.ts',
  conformance: 'conformance/index.ts',
  agent: 'conformance/agent.ts',
  'actor-cast': 'conformance/actors/cast.ts',
};

/** What tsc has declared by tsconfig.types.json: to bundle that takes tsup a second or two, to infer it from the sources eighteen (and tsc seven). */
const declared = Object.fromEntries(
  Object.entries(entry).map(([name, path]) => [name, `build/types/${path.replace(/\.ts$/, '.d.ts')}`]),
);

// All entries land beside one another, and so do the chunks that they share: a path relative to
// import.meta.url means the same in an entry and in a chunk. scripts/build-cjs.mjs makes CommonJS of them.
export default defineConfig({
  entry,
  format: 'esm',
  target: 'node20',
  platform: 'node',
  dts: { entry: declared },
  sourcemap: true,
  clean: true,
  splitting: true, // one instance of each module, whichever entries a program imports
  removeNodeProtocol: false,
  external: [/^@pigeonhole\/transport-/], // loaded by name, at run time
});
