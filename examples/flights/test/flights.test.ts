import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ComparedRow } from '../compare.js';
import { BATCH } from '../take-until.js';
import { DEFAULT_FLIGHTS, expectAccounted, expectEqual, run, startRun } from './runs.js';

const FLIGHT_A = flightLine({ origin: 'SFO', destination: 'LAX', delay: 10 });
const FLIGHT_B = flightLine({ origin: 'ZZZ', destination: 'SFO', delay: -5 });

let directory: string;
let data: string;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'ph-flights-'));
});

afterAll(async () => {
  await rm(data, { recursive: true, force: true });
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ph-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const THREE = ['memory', 'shm', 'uds'];
const TRANSPORTS = ['memory', 'shm', 'pipe', 'fifo', 'mqueue', 'uds', 'tcp', 'udp'];
/** Each transport with each capacity and all of the data takes minutes, most of them to start processes. */
const all = ['all', 'proofs'].includes(process.env.PIGEONHOLE_TESTS ?? '');

/** What `npm test` has of them: each transport has 1024 in `--all`, and three have capacity 0 below. */
const capacitiesOver = (transport: string): string[] => {
  if (all) return ['1024', '1', '0', 'unbounded'];
  return THREE.includes(transport) ? ['1', 'unbounded'] : [];
};

const matrix = TRANSPORTS.flatMap((transport) =>
  capacitiesOver(transport).map((capacity) => [transport, capacity] as const),
);

test.each(matrix)('over %s, capacity %s gives the single-process result', async (transport, capacity) => {
  // One at a time, all of the data takes longest.
  const some = all || capacity !== '1' ? [] : ['--data', await pairs(2000)];
  const args = ['--transport', transport, '--capacity', capacity, ...some];
  const { code, result, stderr, left } = await run(directory, args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expectEqual(result, some.length > 0 ? 4000 : DEFAULT_FLIGHTS);
  expect(result.setup).toMatchObject({ transport, enrichers: 2 });
  expect(left).toEqual([]);
});

test.each(all ? TRANSPORTS : THREE)(
  'over %s: a file of one object a line, three times, through three enrichers, hand to hand',
  async (transport) => {
    const file = ['--data', await pairs(500), '--times', '3'];
    const args = ['--transport', transport, '--capacity', '0', '--enrichers', '3', ...file];
    const { code, result, stderr, left } = await run(directory, args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expectEqual(result, 3000);
    expect(result.setup).toMatchObject({ transport, enrichers: 3 });
    expect(result.airports.worst).toMatchObject([
      { key: 'SFO', flights: 1500, delay: 15_000, mean: 10 },
      { key: 'ZZZ', flights: 1500, delay: -7500, mean: -5 },
    ]);
    expect(left).toEqual([]);
  },
);

describe('an enricher that hosts the mailbox is killed', () => {
  // Enough that the run is not over before the victim is.
  const flights = all ? DEFAULT_FLIGHTS : 4000;
  const some = async () => (all ? [] : ['--data', await pairs(flights / 2)]);

  test.each(['1024', '0', 'unbounded'])(
    'capacity %s: every flight is counted or reported lost',
    async (capacity) => {
      const args = ['--transport', 'uds', '--kill', 'enricher', '--capacity', capacity, ...(await some())];
      const { code, result, stderr } = await run(directory, args);
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: expect.stringMatching(/^killed process \d+ at \d+ of/),
      });
      expectAccounted(result, flights);
      expect(result.down).toEqual(['enricher-1']);
      expect(result.counted).toBeGreaterThanOrEqual(flights * 0.4);
      expect(await readdir(directory)).toEqual([]);
    },
  );

  test.each(['1024', '0', 'unbounded'])(
    'capacity %s, in shared memory: nothing is lost but what it had received',
    async (capacity) => {
      const args = ['--transport', 'shm', '--kill', 'enricher', '--capacity', capacity, ...(await some())];
      const { code, result, left } = await run(directory, args);
      expect(code).toBe(0);
      expectAccounted(result, flights);
      expect(result).toMatchObject({
        accepted: flights,
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
  const args = ['--transport', 'uds', '--data', await pairs(2000)];
  const runs = await Promise.all([run(directory, args), run(directory, args)]);
  for (const { code, result } of runs) {
    expect(code).toBe(0);
    expectEqual(result, 4000);
  }
});

test('SIGTERM ends every process and leaves nothing behind', async () => {
  const running = startRun(directory, ['--transport', 'uds', '--times', '1000'], 'text');
  await running.says('counting');
  running.child.kill('SIGTERM');
  expect((await running.ended).code).toBe(143);
  expect(await readdir(directory)).toEqual([]);
});

/** A file of so many times two flights, an object a line. */
async function pairs(count: number): Promise<string> {
  const file = join(data, `${count}.ndjson`);
  await writeFile(file, `${FLIGHT_A}\n${FLIGHT_B}\n`.repeat(count));
  return file;
}

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
  const { ended } = startRun(directory, ['--all', '--data', await pairs(2000)], 'json');
  const { code, stdout, stderr } = await ended;
  const rows = JSON.parse(stdout) as ComparedRow[];
  const names = ['memory', 'shm', 'pipe', 'fifo', 'mqueue', 'uds', 'uds (dgram)', 'tcp', 'udp'];
  expect(rows.map(({ transport }) => transport)).toEqual(names);
  for (const { transport, run, killed, problem } of rows) {
    expect(problem, transport).toBeUndefined();
    expect(run, transport).toMatchObject({ equal: true, complete: true, ok: true, lost: [], duplicates: [] });
    expect(run?.cpuSeconds, transport).toBeGreaterThan(0);
    expect(run?.roundTrip.p50, transport).toBeGreaterThan(0);
    expect(run?.roundTrip.p99, transport).toBeGreaterThanOrEqual(run?.roundTrip.p50 ?? Number.NaN);
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
