/** What is read from an inbox, cut into frames: by whom it was written and how it is cut makes no difference. */

import { FrameKind as Kind } from '@pigeonhole/core/transport';
import { expect, test } from 'vitest';
import { FRAME_HEAD, FrameReader, MAX_PAYLOAD, writeHead } from '../src/frames.js';

const READ = 65_536;
const KNOWN = 0x1234_5678_9abc_def0n;

function frame(payload: string | Buffer, stream = KNOWN, sequence = 0, kind: number = Kind.packet): Buffer {
  const body = Buffer.from(payload);
  const head = Buffer.alloc(FRAME_HEAD);
  writeHead(head, kind, stream, sequence, body.length);
  return Buffer.concat([head, body]);
}

/** Gives `bytes` in reads of at most READ bytes; answers with what came out. */
function read(bytes: Buffer, size = READ): { texts: string[]; skipped: number } {
  const texts: string[] = [];
  const reader = new FrameReader(
    size,
    (kind, stream) => kind === Kind.introduction || stream === KNOWN,
    ({ payload }) => texts.push(payload.toString()),
  );
  const scratch = Buffer.alloc(size);
  for (let at = 0; at < bytes.length; at += size) {
    const count = bytes.copy(scratch, 0, at, at + size);
    reader.take(scratch.subarray(0, count));
  }
  return { texts, skipped: reader.skipped };
}

test('frames come out whole and in order however reads cut them', () => {
  const texts = Array.from({ length: 40 }, (_, i) => 'x'.repeat(i * 7));
  const bytes = Buffer.concat(texts.map((text) => frame(text)));
  for (const size of [25, 26, 64, 1000, 4096, READ]) expect(read(bytes, size)).toEqual({ texts, skipped: 0 });
  expect(read(frame(Buffer.alloc(MAX_PAYLOAD, 'y')))).toEqual({
    texts: ['y'.repeat(MAX_PAYLOAD)],
    skipped: 0,
  });
});

test.each([
  ['one byte', Buffer.from('x')],
  ['text', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['the beginning of a frame', frame('cut off').subarray(0, 20)],
  ['three letters of a frame', Buffer.from('PGF')],
  ['a frame of an unknown stream', frame('forged', 99n)],
  ['a frame longer than can be', frame(Buffer.alloc(5000))],
  ['a frame shorter than its head', Buffer.from('PGFI\x05\x00\x02\x00aaaaaaaaaaaaaaaaaaaaaaaa', 'latin1')],
  ['zeros', Buffer.alloc(10_000)],
])('%s between frames is passed over', (_, garbage) => {
  const texts = ['first', 'second', 'third'];
  const bytes = Buffer.concat([garbage, frame('first'), garbage, frame('second'), frame('third'), garbage]);
  const result = read(bytes);
  expect(result.texts).toEqual(texts);
  expect(result.skipped).toBe(3 * garbage.length);
});

test('a frame that a short read does not complete will never be, and is given up', () => {
  const texts: string[] = [];
  const reader = new FrameReader(
    READ,
    () => true,
    ({ payload }) => texts.push(payload.toString()),
  );
  reader.take(frame('never finished').subarray(0, 30));
  reader.take(frame('the next'));
  expect(texts).toEqual(['the next']);
});
