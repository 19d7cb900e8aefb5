import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const root = fileURLToPath(new URL('.', import.meta.url));

/** Each workspace is a project, named as its folder: `vitest run --project core`. */
const workspaces = [
  ...readdirSync(`${root}packages`).map((name) => `packages/${name}`),
  'examples',
  'benchmarks',
];

const kind = process.env.PIGEONHOLE_TESTS;

/** C++ programs and models: the same under every Node.js, so `npm run test:nodes` leaves them to `npm test`. */
const withoutNode = ['**/shm-{corrupt,crash,idle,sanitizers}.test.ts', '**/model.test.ts'];

/** What `npm run test:proofs` runs, by workspace, and runs in full: `npm test` has a part of it, of `proofsOnly` nothing. */
const proofs: Record<string, string> = {
  examples: 'flights',
  'packages/native': 'shm-{corrupt,idle,sanitizers}',
  'packages/transport-fifo': 'conformance{,-nemesis}',
  'packages/transport-mqueue': 'conformance{,-kernel,-nemesis}',
  'packages/transport-pipe': 'conformance{,-nemesis}',
  'packages/transport-shm': '{model,conformance,conformance-nemesis}',
  'packages/transport-tcp': 'conformance{,-nemesis}',
  'packages/transport-udp': 'conformance{,-nemesis}',
  'packages/transport-uds': 'conformance{,-nemesis,-dgram,-dgram-nemesis}',
};
const proofsOnly = '**/test/shm-{idle,sanitizers}.test.ts';
const included = (folder: string): string =>
  kind === 'proofs' ? `**/test/${proofs[folder] ?? 'conformance-nemesis'}.test.ts` : '**/test/**/*.test.ts';

const excluded: Record<string, string[]> = { node: withoutNode, proofs: [], all: [] };

/** Files by the time they take: first those of about a minute; of those below ten seconds none is named. */
const LONG = [
  /^(conformance|conformance-lossy|flights)\.test/,
  /^(conformance-.*|model|shm-.*|hostile-(floods|host|strangers)|hosts|inbox|new-transport)\.test/,
];

/**
 * What takes long first: no worker shall be left with a long file when the others have done all. Within that at random;
 * `--sequence.seed` repeats an order.
 */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { seed } = this.ctx.config.sequence;
    const keyed = files.map((file) => {
      const rank = LONG.findIndex((names) => names.test(basename(file.moduleId)));
      const random = createHash('sha1').update(`${seed} ${file.moduleId}`).digest('hex');
      return { file, key: `${rank === -1 ? LONG.length : rank} ${random}` };
    });
    return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ file }) => file);
  }
}

export default defineConfig({
  oxc: { target: 'node20' }, // `await using` in tests
  test: {
    pool: 'forks',
    maxWorkers: 3, // on two processors: a good third of the time a test only waits, for another process or for a timeout
    testTimeout: 90_000, // a watchdog, never an expectation
    hookTimeout: 90_000,
    retry: 0,
    sequence: { sequencer: LongestFirst, shuffle: { files: true, tests: true } },
    // The workspace packages are tested as built: child processes load dist, and a second instance of core,
    // transformed from the same files, would have classes and registries of its own.
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
    projects: workspaces.map((folder) => ({
      extends: true,
      test: {
        name: folder.slice(folder.lastIndexOf('/') + 1),
        root: `${root}${folder}`,
        include: [included(folder)],
        exclude: ['dist/**', 'node_modules/**', ...(excluded[kind ?? ''] ?? [proofsOnly])],
      },
    })),
  },
});
