/** FrameWriter and FrameParser against the reference, for whatever frames and however the stream is cut. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Frame, FrameParser } from '../src/frame-parser.js';
import { FrameWriter, Kind } from '../src/framing.js';
import type { Envelope } from '../src/message.js';
import { bytesOf, f64, named, type PlainFrame, plain, u32 } from './framing-reference.js';

const LIMIT = 2 ** 20;
const kinds = Object.values(Kind);
const word = fc.nat({ max: 2 ** 32 - 1 });
const small = fc.uint8Array({ maxLength: 300 });
/** Around every size at which the writer changes its ways: the first slab, the copy limit, the batch. */
const edge = fc
  .tuple(fc.constantFrom(0, 4096, 32_768, 65_536), fc.integer({ min: -40, max: 40 }))
  .map(([size, off]) => Buffer.alloc(Math.max(0, size + off), size % 251));
const body = fc.oneof({ weight: 4, arbitrary: small }, { weight: 1, arbitrary: edge });
const processName = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/);
const envelope: fc.Arbitrary<Envelope> = fc.record({
  body,
  codec: fc.nat({ max: 3 }),
  from: processName,
  type: fc.nat({ max: 2 ** 31 - 1 }),
  priority: fc.nat({ max: 31 }),
  sentAt: fc.double({ noNaN: true }),
});

/** Something to write, and the frame that is to come of it. */
interface Written {
  put(writer: FrameWriter): void;
  readonly frame: PlainFrame;
}

const meta = ({ type, sentAt }: Envelope): Buffer => Buffer.concat([u32(type), f64(sentAt)]);

const written: fc.Arbitrary<Written> = fc.oneof(
  fc
    .tuple(fc.constantFrom(...kinds), word, word, fc.uint8Array({ minLength: 3, maxLength: 3 }))
    .map(([kind, channel, number, [a = 0, b = 0, c = 0]]) => ({
      put: (writer: FrameWriter) => writer.frame(kind, channel, number, a, b, c),
      frame: plain(kind, channel, number, undefined, [a, b, c]),
    })),
  fc.tuple(word, word, word).map(([channel, number, count]) => ({
    put: (writer: FrameWriter) => writer.counted(Kind.accept, channel, number, count),
    frame: plain(Kind.accept, channel, number, u32(count)),
  })),
  fc.tuple(word, word, fc.jsonValue(), fc.nat({ max: 3 })).map(([channel, number, value, a]) => ({
    put: (writer: FrameWriter) => writer.json(Kind.reject, channel, number, value, a),
    frame: plain(Kind.reject, channel, number, Buffer.from(JSON.stringify(value)), [a, 0, 0]),
  })),
  fc.tuple(word, word, envelope, fc.boolean()).map(([channel, number, message, wait]) => ({
    put: (writer: FrameWriter) => writer.send(channel, number, message, wait),
    frame: plain(Kind.send, channel, number, Buffer.concat([meta(message), message.body]), [
      message.codec,
      message.priority,
      wait ? 0 : 1,
    ]),
  })),
  fc
    .tuple(
      word,
      word,
      fc.boolean(),
      word,
      fc.option(fc.record({ types: fc.constant([1, 2]), from: processName })),
    )
    .map(([channel, number, wait, max, selector]) => ({
      put: (writer: FrameWriter) => writer.pull(channel, number, wait, max, selector),
      frame: plain(
        Kind.pull,
        channel,
        number,
        Buffer.concat([u32(max), Buffer.from(selector === null ? '' : JSON.stringify(selector))]),
        [0, 0, wait ? 0 : 1],
      ),
    })),
  fc
    .tuple(word, word, word, word, word, envelope)
    .map(([channel, pull, delivery, order, returned, message]) => ({
      put: (writer: FrameWriter) => writer.deliver(channel, pull, { delivery, order, returned }, message),
      frame: plain(
        Kind.deliver,
        channel,
        pull,
        Buffer.concat([meta(message), u32(delivery, order, returned), named(message.from), message.body]),
        [message.codec, message.priority, 0],
      ),
    })),
  fc.tuple(word, processName, envelope).map(([number, mailbox, message]) => ({
    put: (writer: FrameWriter) => writer.adopt(number, mailbox, message),
    frame: plain(
      Kind.adopt,
      0,
      number,
      Buffer.concat([meta(message), named(mailbox), named(message.from), message.body]),
      [message.codec, message.priority, 0],
    ),
  })),
);

/** The frames that a parser shows, kept as their receiver would keep them: `rest` as it is, not copied. */
function collector(limit = LIMIT): { parser: FrameParser; frames: PlainFrame[] } {
  const frames: PlainFrame[] = [];
  const parser = new FrameParser(
    ({ kind, a, b, c, channel, number, rest }: Frame) =>
      void frames.push({ kind, a, b, c, channel, number, rest }),
  );
  parser.limit = limit;
  return { parser, frames };
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, at) => bytes.subarray(at === 0 ? 0 : ends[at - 1], end));
}

describe('the writer', () => {
  test('emits any sequence of frames byte for byte, and never touches a batch again', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(written, fc.boolean()), { maxLength: 40 }), (steps) => {
        const batches: Uint8Array[] = [];
        const atOnce: Buffer[] = [];
        const writer = new FrameWriter((batch) => {
          batches.push(batch);
          atOnce.push(Buffer.from(batch));
        });
        for (const [{ put }, flush] of steps) {
          put(writer);
          if (flush) writer.flush();
        }
        writer.flush();
        expect(writer.pendingBytes).toBe(0);
        const expected = Buffer.concat(steps.map(([{ frame }]) => bytesOf(frame)));
        expect(Buffer.concat(batches).equals(expected)).toBe(true);
        expect(Buffer.concat(atOnce).equals(expected)).toBe(true);
        expect(batches.every((batch) => batch.length > 0)).toBe(true);
      }),
    );
  });

  test('collects the small frames of one turn into one batch', () => {
    const batches: Uint8Array[] = [];
    const writer = new FrameWriter((batch) => void batches.push(batch));
    for (let number = 0; number < 200; number++) writer.frame(Kind.ping, 0, number);
    expect(batches).toEqual([]);
    expect(writer.pendingBytes).toBe(200 * 16);
    writer.flush();
    expect(batches.map(({ length }) => length)).toEqual([200 * 16]);
  });

  test('passes a large body on as it is, without a copy', () => {
    const batches: Uint8Array[] = [];
    const writer = new FrameWriter((batch) => void batches.push(batch));
    const large = Buffer.alloc(2 ** 20, 7);
    writer.send(1, 0, { body: large, codec: 2, from: 'a', type: 0, priority: 0, sentAt: 0 }, true);
    writer.flush();
    expect(batches.some((batch) => batch.buffer === large.buffer)).toBe(true);
    expect(batches.reduce((sum, { length }) => sum + length, 0)).toBe(16 + 12 + large.length);
  });
});

describe('the parser', () => {
  test('shows the same frames wherever the stream is cut, and its owned chunks stay as they are', () => {
    fc.assert(
      fc.property(
        fc.array(written, { maxLength: 20 }),
        fc.array(fc.nat(), { maxLength: 60 }),
        fc.boolean(),
        (steps, places, owned) => {
          const stream = Buffer.concat(steps.map(({ frame }) => bytesOf(frame)));
          const { parser, frames } = collector();
          for (const piece of cut(stream, places)) {
            const chunk = new Uint8Array(piece);
            parser.push(chunk, owned);
            // Whoever lent a chunk uses it again at once.
            if (!owned) chunk.fill(0xee);
          }
          expect(frames.length).toBe(steps.length);
          expect(Buffer.concat(frames.map(bytesOf)).equals(stream)).toBe(true);
        },
      ),
    );
  });

  test.each([true, false])('takes a stream byte by byte (owned: %s)', (owned) => {
    const message = { body: Buffer.alloc(70_000, 3), codec: 2, from: 'a', type: 5, priority: 1, sentAt: 2 };
    const batches: Uint8Array[] = [];
    const writer = new FrameWriter((batch) => void batches.push(Buffer.from(batch)));
    for (let number = 0; number < 3; number++) writer.send(1, number, message, true);
    writer.flush();
    const { parser, frames } = collector();
    for (const byte of Buffer.concat(batches)) parser.push(Buffer.from([byte]), owned);
    expect(frames.map(({ number }) => number)).toEqual([0, 1, 2]);
    expect(frames.every(({ rest }) => rest.subarray(12).equals(message.body))).toBe(true);
  });

  test('an empty chunk changes nothing', () => {
    const { parser, frames } = collector();
    const bytes = bytesOf(plain(Kind.ping, 0, 9));
    for (const chunk of [bytes.subarray(0, 2), bytes.subarray(2, 10), bytes.subarray(10)]) {
      parser.push(Buffer.alloc(0), true);
      parser.push(chunk, true);
    }
    expect(frames).toEqual([plain(Kind.ping, 0, 9)]);
  });

  test('keeps nothing of a frame that it has shown', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const { parser, frames } = collector();
    const shown = new FrameParser(() => {});
    const feed = (each: FrameParser): WeakRef<ArrayBufferLike> => {
      const bytes = new Uint8Array(bytesOf(plain(Kind.error, 0, 0, Buffer.alloc(50_000))));
      each.push(bytes, true);
      return new WeakRef(bytes.buffer);
    };
    shown.limit = LIMIT;
    const [kept, gone] = [feed(parser), feed(shown)];
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    // The collector's frame refers to its bytes still; nobody refers to the other's.
    expect(kept.deref()).toBe(frames[0]?.rest.buffer);
    expect(gone.deref()).toBeUndefined();
    shown.push(Buffer.alloc(0), true);
  });

  test('keeps views of what it owns and copies what it was lent', () => {
    for (const owned of [true, false]) {
      const bytes = Buffer.concat(
        [1, 2].map((text) => bytesOf(plain(Kind.error, 0, 0, Buffer.from([text])))),
      );
      const { parser, frames } = collector();
      parser.push(bytes, owned);
      bytes.fill(9);
      expect(frames.map(({ rest }) => rest[0])).toEqual(owned ? [9, 9] : [1, 2]);
    }
  });
});
