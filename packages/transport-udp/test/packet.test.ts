/** The bytes of a datagram: what is written is read, what breaks the format is refused, numbers go on beyond 32 bits. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DataPacket, decodeData, encodeData, widen } from '../src/packet.js';

const number = fc.integer({ min: 0, max: 2 ** 50 });
const ranges = (ack: number): fc.Arbitrary<{ from: number; to: number }[]> =>
  fc
    .array(fc.tuple(fc.integer({ min: 1, max: 900 }), fc.integer({ min: 1, max: 900 })), { maxLength: 32 })
    .map((gaps) => {
      let at = ack;
      return gaps.map(([gap, length]) => {
        const from = at + gap;
        at = from + length;
        return { from, to: at };
      });
    });

test('what is written is read, also where a number has passed 2^32', () => {
  const packets = fc
    .tuple(number, number, number, number, fc.nat(2 ** 32 - 1), fc.boolean(), fc.option(fc.uint8Array()))
    .chain(([tx, seq, ack, echo, window, fin, payload]) =>
      ranges(ack).map(
        (listed): DataPacket => ({
          ...{ tx, seq: payload === null ? null : seq, fin, ack, echo, window, ranges: listed },
          payload: Buffer.from(payload ?? []),
        }),
      ),
    );
  fc.assert(
    fc.property(packets, fc.integer({ min: -(2 ** 30), max: 2 ** 30 }), (packet, off) => {
      const datagram = Buffer.concat([encodeData('12345678', packet), packet.payload]);
      const { tx, seq, ack, echo } = packet;
      const near = { tx: tx + off, seq: (seq ?? 0) + off, ack: ack + off, echo: echo + off };
      expect(decodeData(datagram, near)).toEqual(packet);
    }),
  );
});

test('a number is the nearest one that ends in these 32 bits', () => {
  expect(widen(0, 0xffff_ffff)).toBe(2 ** 32);
  expect(widen(0xffff_ffff, 2 ** 32)).toBe(0xffff_ffff);
  expect(widen(5, 3 * 2 ** 32 + 7)).toBe(3 * 2 ** 32 + 5);
});

test('any bytes are read or refused, never thrown at', () => {
  const near = { tx: 0, seq: 0, ack: 0, echo: 0 };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      decodeData(Buffer.from(bytes), near);
    }),
    { numRuns: 2000 },
  );
});

const base = { tx: 1, seq: 0, fin: false, ack: 10, echo: 0, window: 1000 };
test.each([
  ['cut off in the header', Buffer.alloc(31)],
  [
    'cut off in its ranges',
    encodeData('12345678', { ...base, ranges: [{ from: 12, to: 14 }] }).subarray(0, 34),
  ],
  [
    'with a payload and no segment',
    Buffer.concat([encodeData('12345678', { ...base, seq: null, ranges: [] }), Buffer.from('x')]),
  ],
  ['with a range of nothing', encodeData('12345678', { ...base, ranges: [{ from: 12, to: 12 }] })],
  [
    'with a range that begins at the next segment',
    encodeData('12345678', { ...base, ranges: [{ from: 10, to: 12 }] }),
  ],
  [
    'with ranges out of order',
    encodeData('12345678', {
      ...base,
      ranges: [
        { from: 15, to: 16 },
        { from: 11, to: 12 },
      ],
    }),
  ],
])('a datagram %s is refused', (_, datagram) => {
  const near = { tx: 0, seq: 0, ack: 10, echo: 0 };
  expect(decodeData(Buffer.from(datagram), near)).toBeNull();
});
