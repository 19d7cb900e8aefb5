import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compiled } from '../src/floors.js';

const run = promisify(execFile);
const PATIENCE = 30_000;
let root = '';

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'floors-'));
});

afterAll(() => rm(root, { recursive: true, force: true }));

test.each(['spin', 'futex', 'pipe', 'fifo', 'mqueue', 'unix', 'tcp', 'udp'])(
  'the ping-pong over %s writes a time a round trip, and leaves nothing behind',
  async (mechanism) => {
    const program = await compiled('ping-pong', root);
    const before = await readdir(root);
    const { stdout } = await run(program, [mechanism, '0', '20', root], {
      encoding: 'buffer',
      timeout: PATIENCE,
    });
    expect(stdout.length).toBeGreaterThan(0);
    expect(stdout.length % 4).toBe(0);
    expect(await readdir(root)).toEqual(before);
  },
);

test('copying gives bytes a second', async () => {
  const { stdout } = await run(await compiled('copy', root), ['65536', '0', '20', root], {
    timeout: PATIENCE,
  });
  expect(Number(stdout)).toBeGreaterThan(1e6);
});
