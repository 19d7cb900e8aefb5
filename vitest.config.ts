import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('.', import.meta.url));

/** Each workspace is a project, named as its folder: `vitest run --project core`. */
const workspaces = [
  ...readdirSync(`${root}packages`).map((name) => `packages/${name}`),
  'examples',
  'benchmarks',
];

/** C++ programs and models: the same under every Node.js, so `npm run test:nodes` leaves them to `npm test`. */
const withoutNode = ['**/shm-{corrupt,crash,idle,sanitizers}.test.ts', '**/model.test.ts'];

export default defineConfig({
  oxc: { target: 'node20' }, // `await using` in tests
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 90_000, // a watchdog, never an expectation
    hookTimeout: 90_000,
    retry: 0,
    sequence: { shuffle: { files: true, tests: true } },
    // The workspace packages are tested as built: child processes load dist, and a second instance of core,
    // transformed from the same files, would have classes and registries of its own.
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
    projects: workspaces.map((folder) => ({
      extends: true,
      test: {
        name: folder.slice(folder.lastIndexOf('/') + 1),
        root: `${root}${folder}`,
        include: ['**/test/**/*.test.ts'],
        exclude: [
          'dist/**',
          'node_modules/**',
          ...(process.env.PIGEONHOLE_TESTS === 'node' ? withoutNode : []),
        ],
      },
    })),
  },
});
