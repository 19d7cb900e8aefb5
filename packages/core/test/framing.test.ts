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

  test('emits the same when the memory of some batches is used again', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(written, fc.boolean(), fc.boolean()), { maxLength: 40 }), (steps) => {
        const copies: Buffer[] = [];
        const untouched: Uint8Array[] = [];
        let done = false;
        const writer = new FrameWriter(
          (batch) => {
            copies.push(Buffer.from(batch));
            untouched.push(done ? Buffer.from(batch) : batch);
          },
          () => done,
        );
        for (const [{ put }, flush, isDone] of steps) {
          done = isDone;
          put(writer);
          if (flush) writer.flush();
        }
        writer.flush();
        const expected = Buffer.concat(steps.map(([{ frame }]) => bytesOf(frame)));
        expect(Buffer.concat(copies).equals(expected)).toBe(true);
        expect(Buffer.concat(untouched).equals(expected)).toBe(true);
      }),
    );
  });

  test('needs one piece of memory for all batches where each is done with at once', () => {
    const memory = new Set<ArrayBufferLike>();
    const longest: number[] = [];
    const writer = new FrameWriter(
      (batch) => {
        memory.add(batch.buffer);
        longest.push(batch.length);
      },
      () => true,
    );
    const message = { body: Buffer.alloc(100), codec: 2, from: 'a', type: 0, priority: 0, sentAt: 0 };
    for (let number = 0; number < 20_000; number++) writer.send(1, number, message, true);
    writer.flush();
    // It grows, 4 KiB at first, to 64 KiB.
    expect(memory.size).toBe(5);
    expect(Math.max(...longest)).toBeGreaterThan(65_000);
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

  test('shows the same frames wherever it says that the stream is to be read to', () => {
    const long = fc
      .tuple(fc.constantFrom(8192, 32_768, 40_000, 200_000), fc.integer({ min: -20, max: 20 }))
      .map(([size, off]) => plain(Kind.error, 0, 0, Buffer.alloc(size + off, size % 251)));
    const frame = fc.oneof(
      { weight: 2, arbitrary: written.map(({ frame }) => frame) },
      { weight: 1, arbitrary: long },
    );
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 20 }),
        fc.array(fc.nat({ max: 70_000 }), { minLength: 1, maxLength: 20 }),
        (expected, lengths) => {
          const stream = Buffer.concat(expected.map(bytesOf));
          const { parser, frames } = collector();
          const intake = Buffer.alloc(65_536);
          for (let at = 0, turn = 0; at < stream.length; turn++) {
            const place = parser.place(intake);
            const most = 1 + (lengths[turn % lengths.length] as number);
            const length = Math.min(place.length, most, stream.length - at);
            place.set(stream.subarray(at, at + length));
            parser.filled(length);
            intake.fill(0xee);
            at += length;
          }
          expect(Buffer.concat(frames.map(bytesOf)).equals(stream)).toBe(true);
        },
      ),
    );
  });

  test('has the rest of a long frame read to where it stays, and then looks for the head of another', () => {
    const { parser, frames } = collector();
    const intake = Buffer.alloc(65_536);
    const [first, second] = [1, 2].map((byte) =>
      bytesOf(plain(Kind.error, 0, 0, Buffer.alloc(100_000, byte))),
    );
    const read = (bytes: Buffer): Uint8Array => {
      const place = parser.place(intake);
      const length = Math.min(place.length, bytes.length);
      place.set(bytes.subarray(0, length));
      parser.filled(length);
      return place;
    };
    const places: Uint8Array[] = [];
    for (let rest = Buffer.concat([first as Buffer, second as Buffer]); rest.length > 0; )
      rest = rest.subarray((places[places.push(read(rest)) - 1] as Uint8Array).length);
    expect(places.map(({ buffer }) => buffer === intake.buffer)).toEqual([true, false, true, false]);
    expect(places[2]?.length).toBeLessThan(1024);
    expect(frames.map(({ rest }) => rest.buffer)).toEqual([places[1]?.buffer, places[3]?.buffer]);
  });

  test('looks for no head where one has come: a stream of long and middling frames takes about two reads for each', () => {
    const { parser, frames } = collector();
    const intake = Buffer.alloc(65_536);
    const sizes = [65_536, 20_000, 30_000, 65_540, 5, 32_768];
    const expected = Array.from({ length: 60 }, (_, at) =>
      plain(Kind.error, 0, at, Buffer.alloc(sizes[at % sizes.length] as number, at)),
    );
    const stream = Buffer.concat(expected.map(bytesOf));
    let reads = 0;
    for (let at = 0; at < stream.length; reads++) {
      const place = parser.place(intake);
      const length = Math.min(place.length, stream.length - at);
      place.set(stream.subarray(at, at + length));
      parser.filled(length);
      at += length;
    }
    expect(Buffer.concat(frames.map(bytesOf)).equals(stream)).toBe(true);
    expect(reads).toBeLessThan(2 * expected.length);
  });

  test('has the body of a send begin where typed arrays can, however the stream is cut', () => {
    const message = { codec: 2, from: 'a', type: 0, priority: 0, sentAt: 0 };
    const offsets = new Set<number>();
    const parser = new FrameParser(
      ({ own, bytes, start }) => own && offsets.add((bytes.byteOffset + start + 12) % 8),
    );
    parser.limit = LIMIT;
    const writer = new FrameWriter((batch) => {
      for (let at = 0; at < batch.length; at += 999) parser.push(batch.subarray(at, at + 999), false);
    });
    for (let size = 0; size < 5000; size += 100)
      writer.send(1, size, { body: Buffer.alloc(size), ...message }, true);
    writer.flush();
    expect([...offsets]).toEqual([0]);
  });

  test('shows what comes before a frame that may not be', () => {
    const fine = bytesOf(plain(Kind.ping, 0, 7));
    for (const length of [0, 11, LIMIT + 1, 2 ** 32 - 1]) {
      const { parser, frames } = collector();
      const bad = Buffer.alloc(40, 0xff);
      bad.writeUInt32LE(length);
      expect(() => parser.push(Buffer.concat([fine, fine, bad]), false)).toThrow(`${length} bytes`);
      expect(frames.map(({ number }) => number)).toEqual([7, 7]);
    }
  });

  test('reads what follows in the same chunk by the limit that the first frame has raised', () => {
    const long = bytesOf(plain(Kind.error, 0, 2, Buffer.alloc(20_000, 5)));
    const numbers: number[] = [];
    const parser = new FrameParser(({ number }) => {
      numbers.push(number);
      parser.limit = LIMIT;
    });
    const hello = bytesOf(plain(Kind.ping, 0, 1));
    parser.push(Buffer.concat([hello, long, hello]), false);
    expect(numbers).toEqual([1, 2, 1]);
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
