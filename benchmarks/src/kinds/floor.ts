/**
 * Lower bounds: what the mechanism of the kernel costs a C program, in two processes that wait for one another. The programs
 * write their round trips to standard output, in nanoseconds, as 32-bit numbers; those that copy write one figure.
 */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { FloorCase } from '../contender.js';
import type { Measurement } from '../control.js';
import { compiled } from '../floors.js';
import { emptyHistogram, encodeHistogram, percentiles } from '../histogram.js';
import type { Kind, Opened, Session } from '../kind.js';

type Nothing = Record<string, never>;

const run = promisify(execFile);
const MOST_BYTES = 2 ** 28;

/** One program writes one number: bytes a second. */
function bandwidth(output: Buffer): Measurement {
  const value = Number(output.toString().trim());
  if (!(value > 0))
    throw new Error(`the program wrote ${output.toString().slice(0, 80)}, not a number of bytes`);
  return { metrics: { bandwidth: value } };
}

function latency(output: Buffer): Measurement {
  if (output.length === 0) throw new Error('the program wrote no round trip');
  const histogram = emptyHistogram();
  for (let at = 0; at + 4 <= output.length; at += 4)
    histogram.recordValue(Math.max(1, output.readUInt32LE(at)));
  return { metrics: percentiles(histogram), histograms: { 'round trip': encodeHistogram(histogram) } };
}

async function measure(
  testCase: FloorCase,
  program: string,
  session: Session<Nothing>,
): Promise<Measurement> {
  const { place, job } = session;
  session.phase(`${testCase.program} ${testCase.args.join(' ')} to end`);
  const args = [...testCase.args, String(job.runUp), String(job.duration), place.directory];
  const { stdout } = await run(program, args, {
    encoding: 'buffer',
    maxBuffer: MOST_BYTES,
    timeout: job.runUp + job.duration + 10_000,
    killSignal: 'SIGKILL',
  });
  return testCase.program === 'copy' ? bandwidth(stdout) : latency(stdout);
}

async function open(testCase: FloorCase, session: Session<Nothing>): Promise<Opened> {
  session.phase(`cc to compile ${testCase.program}.c`);
  const program = await compiled(testCase.program, session.place.root);
  return { measure: () => measure(testCase, program, session), close: async () => undefined };
}

export const floor: Kind<FloorCase, Nothing> = {
  name: 'floor',
  title: 'Floor: the mechanism alone, in C',
  compared: 'p50',
  moreIsBetter: false,
  peer: undefined,
  metrics: [
    { key: 'p50', heading: 'p50 µs', scale: 1, digits: 2 },
    { key: 'p99', heading: 'p99 µs', scale: 1, digits: 2 },
    { key: 'p999', heading: 'p99.9 µs', scale: 1, digits: 1 },
    { key: 'max', heading: 'max µs', scale: 1, digits: 0 },
    { key: 'bandwidth', heading: 'GB/s', scale: 1e-9, digits: 2 },
  ],
  nodeOptions: [],
  others: () => 0,
  second: () => ({}),
  open,
};
