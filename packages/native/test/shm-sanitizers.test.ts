import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeLibcFloor } from '../scripts/libc-floor.mjs';
import { compile, type Ended, run } from './shm/program.js';

// ThreadSanitizer knows addresses, not files: its threads share one mapping of each.
const tsan = ['-O1', '-fsanitize=thread', '-DPIGEONHOLE_ONE_MAPPING'];
const builds = {
  plain: ['-O2'],
  asan: ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
  tsan,
  relaxed: [...tsan, '-DPIGEONHOLE_BUG_RELAXED'],
};
const UNBOUNDED = 4294967295;
const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-trade-'));

beforeAll(async () => {
  for (const pair of [['plain', 'asan'] as const, ['tsan', 'relaxed'] as const])
    await Promise.all(pair.map((name) => compile('trade', join(folder, name), builds[name])));
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Arguments: senders, receivers, capacity, messages of each sender, kills, seed of the kills. What it prints ends with
 * `clean` if it left nothing in /dev/shm.
 */
function trade(
  build: keyof typeof builds,
  how: 'threads' | 'processes',
  ...numbers: number[]
): Promise<Ended> {
  return run(join(folder, build), [how, ...numbers.map(String)]);
}

test.each([
  [2, 2, 4],
  [2, 1, 0],
  [2, 2, UNBOUNDED],
])(
  'TSan finds no race: %i senders, %i receivers, capacity %i',
  async (senders, receivers, capacity) => {
    const { code, output } = await trade('tsan', 'threads', senders, receivers, capacity, 20_000);
    expect({ code, output }).toEqual({
      code: 0,
      output: expect.stringMatching(/^attempted .* clean\n$/),
    });
  },
  180_000,
);

// With places for four the threads have to meet: with room for all, one has at times sent everything before another begins.
test('without the barriers TSan reports a race: it would see one', async () => {
  const { code, output } = await trade('relaxed', 'threads', 2, 2, 4, 20_000);
  expect(code).toBe(66); // ThreadSanitizer's own
  expect(output).toContain('WARNING: ThreadSanitizer: data race');
}, 180_000);

test.each([
  ['threads', 2, 2, 4],
  ['threads', 2, 2, 0],
  ['processes', 2, 2, UNBOUNDED],
] as const)(
  'ASan and UBSan find nothing: %s, %i senders, %i receivers, capacity %i',
  async (how, senders, receivers, capacity) => {
    const { code, output } = await trade('asan', how, senders, receivers, capacity, 20_000);
    expect({ code, output }).toEqual({
      code: 0,
      output: expect.stringMatching(/^attempted .* clean\n$/),
    });
  },
  180_000,
);

test.each([
  [3, 2, 8, 1],
  [2, 1, 1, 2],
  [2, 2, 0, 3],
  [3, 2, UNBOUNDED, 4],
])(
  'kill -9 loses nothing else: %i senders, %i receivers, capacity %i, seed %i',
  async (senders, receivers, capacity, seed) => {
    const { code, output } = await trade(
      'plain',
      'processes',
      senders,
      receivers,
      capacity,
      20_000,
      40,
      seed,
    );
    expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/^attempted .* clean\n$/) });
  },
  180_000,
);

const musl = `/lib/ld-musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`;
if (!existsSync(musl)) console.log(`Without ${musl} (Debian: musl) nothing is tried on musl`);

const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };

// Linked as the addon is, and started by musl's dynamic linker. Where Node.js itself is on musl, the others here are, too.
test.runIf(existsSync(musl) && header.glibcVersionRuntime)(
  'linked as the addon is, it runs on musl, in threads and with kills',
  async () => {
    const floor = join(folder, 'floor');
    mkdirSync(floor);
    expect(writeLibcFloor(floor, 'g++')).toBe(true);
    await compile('trade', join(folder, 'musl'), [
      '-O2',
      fileURLToPath(new URL('../src/libc_floor.cc', import.meta.url)),
      ...['-static-libstdc++', '-static-libgcc', `-L${floor}`],
      `-Wl,--as-needed,--gc-sections,-dynamic-linker,${musl}`,
    ]);
    for (const numbers of ['threads 2 2 4 20000', `processes 3 2 ${UNBOUNDED} 20000 40 5`]) {
      const { code, output } = await run(join(folder, 'musl'), numbers.split(' '));
      expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/^attempted .* clean\n$/) });
    }
  },
  180_000,
);
