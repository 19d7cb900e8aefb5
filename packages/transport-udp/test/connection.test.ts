/** The protocol without a socket: what is lost, doubled, late, forged or never answered, on a clock that only the test moves. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { charge } from '../src/charge.js';
import { encodeData } from '../src/packet.js';
import { type End, type Fate, LATENCY, Network, text } from './machine.js';

/** What one end does at some time: so many bytes, then perhaps the next after a pause. */
interface Step {
  readonly from: 'a' | 'b';
  readonly bytes: number;
  readonly pause: number;
}

const steps = fc.array(
  fc.record<Step>({
    from: fc.constantFrom('a', 'b'),
    bytes: fc.oneof(fc.nat(20), fc.nat(5_000), fc.nat(60_000)),
    pause: fc.oneof(fc.constant(0), fc.nat(30)),
  }),
  { maxLength: 12 },
);
/** Lost (empty), as it should be, late (so behind others), or twice. */
const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 5, arbitrary: fc.constant([LATENCY]) },
  { weight: 2, arbitrary: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 3 }) },
);

test('whatever a network loses, doubles and delays, each byte arrives once and in order, and both ends end', () => {
  fc.assert(
    fc.property(
      steps,
      fc.array(fate, { maxLength: 200 }),
      fc.constantFrom('a', 'b'),
      (doing, fates, closer) => {
        const network = new Network((at) => fates[at] ?? [LATENCY]);
        const wrote = { a: [] as Buffer[], b: [] as Buffer[] };
        for (const [n, { from, bytes, pause }] of doing.entries()) {
          const piece = text(bytes, n);
          network[from].write(piece);
          wrote[from].push(piece);
          network.pass(pause);
        }
        const { a, b } = network;
        const all = { a: Buffer.concat(wrote.a), b: Buffer.concat(wrote.b) };
        network.until(
          () => b.bytes.length >= all.a.length && a.bytes.length >= all.b.length,
          'everything to arrive',
        );
        network[closer].close();
        network.until(() => a.overAt !== null && b.overAt !== null, 'both ends to end');
        expect(b.bytes.equals(all.a)).toBe(true);
        expect(a.bytes.equals(all.b)).toBe(true);
      },
    ),
    { numRuns: 400 },
  );
});

test('half of all datagrams lost for ever: everything arrives, in both directions', () => {
  let state = 12345;
  const random = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
  const network = new Network(() => (random() < 0.5 ? [] : [LATENCY]));
  const { a, b } = network;
  a.write(text(300_000, 1));
  b.write(text(100_000, 2));
  a.close();
  network.until(() => a.overAt !== null && b.overAt !== null, 'both ends to end', 600_000);
  expect(b.bytes.equals(text(300_000, 1))).toBe(true);
  expect(a.bytes.equals(text(100_000, 2))).toBe(true);
});

/** Loses the transmissions of one end whose place in its order is listed. */
function losing(...lost: number[]): Network {
  const sent = new Map<End, number>();
  return new Network((_, from) => {
    const at = sent.get(from) ?? 0;
    sent.set(from, at + 1);
    return from.name === 'a' && lost.includes(at) ? [] : [LATENCY];
  });
}

test('a segment whose followers arrive is sent again at once, not after the timeout', () => {
  const network = losing(2);
  const { a, b } = network;
  a.write(text(10_000));
  network.until(() => b.bytes.length === 10_000, 'everything to arrive');
  // Four ways at most: the first flight, the word of the gap, and the segment once more.
  expect(network.now).toBeLessThanOrEqual(4 * LATENCY);
  expect(a.connection.sending.retransmissions).toBe(1);
});

test('a last segment that is lost is found by the timeout, which doubles, and is forgotten once something comes back', () => {
  const network = losing(...Array(9).keys());
  const { a, b } = network;
  a.write(text(100));
  network.until(() => b.bytes.length === 100, 'it to arrive');
  const times = [...new Set(a.sent.map(({ sentAt }) => sentAt))].slice(0, 6);
  // 50 ms before there is a round trip to go by (RFC 6298 has a second, on networks of its day).
  expect(times).toEqual([0, 50, 100, 200, 400, 800]);
  const again = network.now;
  a.write(text(100, 1));
  network.until(() => b.bytes.length === 200, 'the next to arrive');
  expect(network.now - again).toBeLessThan(10);
});

test('a retransmission gives no sample of the round trip that was the first one’s', () => {
  // The segment arrives, its acknowledgement only after the segment has been sent again.
  let count = 0;
  const network = new Network((_, from) => (from.name === 'b' && count++ === 0 ? [400] : [LATENCY]));
  const { a, b } = network;
  a.write(text(10));
  network.until(() => a.connection.sending.idle, 'the acknowledgement');
  expect(a.connection.sending.retransmissions).toBeGreaterThan(0);
  expect(b.bytes.length).toBe(10);
  // Measured from the transmission that is named: a wait of one timeout is not taken for a round trip.
  expect(a.connection.sending.roundTrip.timeout(0)).toBeLessThan(60);
});

test('a process that is stopped is promised no more than its window, is asked ever more rarely, and loses nothing', () => {
  const window = 64_000;
  const network = new Network(undefined, { window });
  const { a, b } = network;
  b.stopped = true;
  let asked = 0;
  while (a.write(text(50_000, asked))) asked++;
  network.pass(600_000);
  const held = b.buffered.reduce((sum, { charged }) => sum + charged, 0);
  const segments = b.buffered.filter(({ bytes }) => bytes.length > 100);
  // One segment beyond the window is what a first and a second timeout send again.
  expect(segments.reduce((sum, { charged }) => sum + charged, 0)).toBeLessThanOrEqual(
    window + 2 * charge(1000),
  );
  expect(held - segments.reduce((sum, { charged }) => sum + charged, 0)).toBeLessThan(640 * charge(40));
  b.resume();
  network.until(() => b.bytes.length === 50_000 * (asked + 1), 'everything to arrive');
  expect(a.drains).toBe(1);
  expect(a.overAt).toBeNull();
});

test('on an idle connection a question leaves every five seconds, and is answered', () => {
  const network = new Network();
  const { a, b } = network;
  a.write(text(10));
  network.pass(60_000);
  expect(a.sent.length + b.sent.length).toBeGreaterThanOrEqual(20);
  expect(a.sent.length + b.sent.length).toBeLessThanOrEqual(60);
  expect([a.overAt, b.overAt]).toEqual([null, null]);
});

test('who has the other’s last segment and hears nothing more is done', () => {
  let cut = false;
  const network = new Network((_, from) => (cut && from.name === 'b' ? [] : [LATENCY]));
  const { a, b } = network;
  a.write(text(5000));
  network.until(() => a.connection.sending.idle, 'everything to be acknowledged');
  // From here on nothing of b's reaches a: b hears that a has ended, says so too, and in vain.
  cut = true;
  a.close();
  network.until(() => b.overAt !== null, 'b to end');
  expect(b.bytes.length).toBe(5000);
});

test('datagrams of the same connection that come again, late and often, change nothing', () => {
  const network = new Network();
  const { a, b } = network;
  a.write(text(20_000));
  network.until(() => b.bytes.length === 20_000, 'everything to arrive');
  const recorded = [...a.sent];
  for (let round = 0; round < 3; round++)
    for (const datagram of recorded) b.connection.receive(Buffer.from(datagram.bytes), network.now);
  expect(b.bytes.length).toBe(20_000);
  a.write(text(100, 9));
  network.until(() => b.bytes.length === 20_100, 'what follows to arrive');
  expect(b.bytes.subarray(20_000).equals(text(100, 9))).toBe(true);
});

test('arbitrary bytes under the right connection id never throw, and end nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 120 }), { maxLength: 30 }), (forged) => {
      const network = new Network();
      const { a, b } = network;
      b.write(text(3000));
      for (const bytes of forged) {
        const datagram = Buffer.concat([Buffer.from([5, 1, (bytes[0] ?? 0) & ~2]), Buffer.from(bytes)]);
        expect(typeof b.connection.receive(datagram, network.now)).toBe('boolean');
        b.connection.settle();
      }
      expect(b.overAt).toBeNull();
      expect(a.overAt).toBeNull();
    }),
    { numRuns: 500 },
  );
});

test('of what comes before its turn no more is kept than the window', () => {
  const window = 20_000;
  const network = new Network(() => [], { window });
  const { b } = network;
  const segment = (seq: number): Buffer =>
    Buffer.concat([
      encodeData('to end b', { tx: seq + 1, seq, fin: false, ack: 0, echo: 0, window, ranges: [] }),
      text(1000, seq),
    ]);
  for (let seq = 1; seq < 1000; seq++) b.connection.receive(segment(seq), 0);
  b.connection.receive(segment(70_000), 0);
  b.connection.receive(segment(0), 0);
  expect(b.bytes.length).toBe(1000 + window);
});

test('an acknowledgement of what was never sent is ignored', () => {
  const network = new Network();
  const { a, b } = network;
  a.write(text(100));
  network.until(() => b.bytes.length === 100, 'it to arrive');
  network.pass(100);
  const genuine = Buffer.from(b.sent.at(-1)?.bytes as Buffer);
  for (const [offset, value] of [
    [20, 77],
    [24, 99],
    [20, 0xffff_fff0],
  ] as const) {
    const forged = Buffer.from(genuine);
    forged.writeUInt32LE(value, offset);
    expect(a.connection.receive(forged, network.now)).toBe(false);
  }
  a.write(text(100, 2));
  network.until(() => b.bytes.length === 200, 'the next to arrive');
});
