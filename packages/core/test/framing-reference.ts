/**
 * The frames of docs/protocol.md written down a second time, as plainly as can be: what `FrameWriter` and `FrameParser` are
 * compared with.
 */
import { Kind } from '../src/framing.js';

/** One frame as data. */
export interface PlainFrame {
  readonly kind: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly channel: number;
  readonly number: number;
  readonly rest: Buffer;
}

export function plain(
  kind: number,
  channel: number,
  number: number,
  rest: Uint8Array = Buffer.alloc(0),
  [a, b, c]: readonly [number, number, number] = [0, 0, 0],
): PlainFrame {
  return { kind, a, b, c, channel, number, rest: Buffer.from(rest) };
}

export function bytesOf({ kind, a, b, c, channel, number, rest }: PlainFrame): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(12 + rest.length, 0);
  header.set([kind, a, b, c], 4);
  header.writeUInt32LE(channel, 8);
  header.writeUInt32LE(number, 12);
  return Buffer.concat([header, rest]);
}

export function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt32LE(value, 4 * at);
  return bytes;
}

export function f64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

export function named(name: string): Buffer {
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name, 'latin1')]);
}

/** A frame header that announces `length` bytes and then stops after `more` of them. */
export function announcing(length: number, more = 0): Buffer {
  return Buffer.concat([u32(length), Buffer.alloc(more, Kind.ping)]);
}
