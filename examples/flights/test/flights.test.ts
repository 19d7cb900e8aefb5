import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ComparedRow } from '../compare.js';
import { BATCH } from '../take-until.js';
import { DEFAULT_FLIGHTS, expectAccounted, expectEqual, run, startRun } from './runs.js';

const FLIGHT_A = flightLine({ origin: 'SFO', destination: 'LAX', delay: 10 });
const FLIGHT_B = flightLine({ origin: 'ZZZ', destination: 'SFO', delay: -5 });

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ph-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** What a capacity means is the conformance suite's to test; here each transport has two, and all with PIGEONHOLE_TESTS=all. */
const capacitiesOver = (transport: string): string[] =>
  process.env.PIGEONHOLE_TESTS === 'all' || ['memory', 'shm', 'uds'].includes(transport)
    ? ['1024', '1', '0', 'unbounded']
    : ['1024', '0'];

describe.each(['memory', 'shm', 'pipe', 'fifo', 'mqueue', 'uds', 'tcp', 'udp'])('over %s', (transport) => {
  test.each(capacitiesOver(transport))('capacity %s gives the single-process result', async (capacity) => {
    const { code, result, stderr, left } = await run(directory, [
      '--transport',
      transport,
      '--capacity',
      capacity,
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expectEqual(result, DEFAULT_FLIGHTS);
    expect(result.setup).toMatchObject({ transport, enrichers: 2 });
    expect(left).toEqual([]);
  });

  test('a file of one object a line, three times, through three enrichers', async () => {
    const file = join(directory, 'flights.ndjson');
    await writeFile(file, `${FLIGHT_A}\n${FLIGHT_B}\n`);
    const args = ['--transport', transport, '--data', file, '--times', '3', '--enrichers', '3'];
    const { code, result } = await run(directory, args);
    expect(code).toBe(0);
    expectEqual(result, 6);
    expect(result.airports.worst).toMatchObject([
      { key: 'SFO', flights: 3, delay: 30, mean: 10 },
      { key: 'ZZZ', flights: 3, delay: -15, mean: -5 },
    ]);
  });
});

describe('an enricher that hosts the mailbox is killed', () => {
  test.each(['1024', '0', 'unbounded'])(
    'capacity %s: every flight is counted or reported lost',
    async (capacity) => {
      const args = ['--transport', 'uds', '--kill', 'enricher', '--capacity', capacity];
      const { code, result, stderr } = await run(directory, args);
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: expect.stringMatching(/^killed process \d+ at \d+ of/),
      });
      expectAccounted(result, DEFAULT_FLIGHTS);
      expect(result.down).toEqual(['enricher-1']);
      expect(result.counted).toBeGreaterThanOrEqual(DEFAULT_FLIGHTS * 0.4);
      expect(await readdir(directory)).toEqual([]);
    },
  );

  test.each(['1024', '0', 'unbounded'])(
    'capacity %s, in shared memory: nothing is lost but what it had received',
    async (capacity) => {
      const args = ['--transport', 'shm', '--kill', 'enricher', '--capacity', capacity];
      const { code, result, left } = await run(directory, args);
      expect(code).toBe(0);
      expectAccounted(result, DEFAULT_FLIGHTS);
      expect(result).toMatchObject({
        accepted: DEFAULT_FLIGHTS,
        unknown: 0,
        losses: [],
        down: ['enricher-1'],
      });
      expect(result.lost.length).toBeLessThanOrEqual(BATCH);
      expect(left).toEqual([]);
    },
  );
});

describe('a command that cannot be carried out', () => {
  test.each([
    ['is not there', null, /flights\.json: cannot be read \(ENOENT/],
    ['is not JSON', 'flights: none', /flights\.json: line 1: is not JSON/],
    ['is a cut-off array', `[${flightLine()}`, /flights\.json: is not JSON/],
    ['is empty', '[]', /flights\.json: holds no flights/],
    ['has a malformed flight', `[${flightLine()}, {"date":""}]`, /flights\.json: flight 2: "delay"/],
    ['has a fractional delay', flightLine({ delay: 1.5 }), /flight 1: "delay": must be a whole number/],
  ])('a data file that %s', async (_name, content, message) => {
    const file = join(directory, 'flights.json');
    if (content !== null) await writeFile(file, content);
    await expectRefusal(['--transport', 'memory', '--data', file], message);
  });

  test.each([
    [['--capacity', '-1'], /It must be 0, a positive whole number, or unbounded/],
    [['--times', '0'], /It must be 1 or more/],
    [['--transport', 'pigeons'], /pigeons/],
    [['--transport', 'memory', '--kill', 'enricher'], /memory runs in one process/],
    [['--kill', 'enricher', '--enrichers', '1'], /needs --enrichers 2 or more/],
    [['--kill', 'reader'], /Allowed choices are enricher/],
  ])('%j', (args, message) => expectRefusal(args, message));
});

test.each(['reader', 'enricher', 'aggregator'])('%s.ts knows no transport', async (service) => {
  const source = await readFile(new URL(`../${service}.ts`, import.meta.url), 'utf8');
  expect(source).not.toMatch(/transport|\b(memory|pipe|fifo|mqueue|shm|uds|tcp|udp)\b/i);
});

test('two runs at once do not meet', async () => {
  const args = ['--transport', 'uds'];
  const runs = await Promise.all([run(directory, args), run(directory, args)]);
  for (const { code, result } of runs) {
    expect(code).toBe(0);
    expectEqual(result, DEFAULT_FLIGHTS);
  }
});

test('SIGTERM ends every process and leaves nothing behind', async () => {
  const running = startRun(directory, ['--transport', 'uds', '--times', '1000'], 'text');
  await running.says('counting');
  running.child.kill('SIGTERM');
  expect((await running.ended).code).toBe(143);
  expect(await readdir(directory)).toEqual([]);
});

function flightLine(changes: Record<string, unknown> = {}): string {
  const flight = { date: '2001/01/01 00:47', delay: 66, distance: 1750, origin: 'DTW', destination: 'LAS' };
  return JSON.stringify({ ...flight, ...changes });
}

async function expectRefusal(args: string[], message: RegExp): Promise<void> {
  const { code, stdout, stderr } = await startRun(directory, args, 'json').ended;
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n\s+at /); // no stack: the message is for people
}

test('--all runs every transport to the same result, and compares them', async () => {
  const file = join(directory, 'flights.ndjson');
  await writeFile(file, `${FLIGHT_A}\n${FLIGHT_B}\n`.repeat(2000));
  const { ended } = startRun(directory, ['--all', '--data', file], 'json');
  const { code, stdout, stderr } = await ended;
  const rows = JSON.parse(stdout) as ComparedRow[];
  const names = ['memory', 'shm', 'pipe', 'fifo', 'mqueue', 'uds', 'uds (dgram)', 'tcp', 'udp'];
  expect(rows.map(({ transport }) => transport)).toEqual(names);
  for (const { transport, run, killed, problem } of rows) {
    expect(problem, transport).toBeUndefined();
    expect(run, transport).toMatchObject({ equal: true, complete: true, ok: true, lost: [], duplicates: [] });
    if (transport !== 'memory')
      expect(killed, transport).toMatchObject({ equal: true, ok: true, duplicates: [] });
  }
  expect({ code, stderr }).toEqual({ code: 0, stderr: names.map((name) => `${name} …\n`).join('') });
}, 300_000); // fifteen runs, one after another

test('--all is for every transport: a --transport beside it is refused', async () => {
  const { code, stderr } = await startRun(directory, ['--all', '--transport', 'uds'], 'text').ended;
  expect(code).toBe(2);
  expect(stderr).toContain('--all runs every transport');
});
