import { expect, test } from 'vitest';
import { type Body, type LoadName, loadNamed } from '../src/load/load.js';
import { Sink } from '../src/load/sink.js';
import { Source } from '../src/load/source.js';
import { SPAN } from '../src/load/span.js';
import { verify } from '../src/load/verdict.js';

const COUNT = 200;

/** So many messages of a producer, with the source that made them. */
function produced(name: LoadName, producer = 0): { source: Source; bodies: Body[] } {
  const source = new Source(loadNamed(name), producer, 60_000);
  return { source, bodies: source.batch(COUNT) };
}

function taken(name: LoadName, bodies: readonly Body[], shared = false): ReturnType<Sink['taken']> {
  const sink = new Sink(loadNamed(name), 0, shared);
  bodies.forEach(sink.take);
  return sink.taken();
}

const loads: readonly LoadName[] = ['order', 16, 64, 65_536];

test.each(loads)('%s: what arrives whole, once and in order passes', (name) => {
  const { source, bodies } = produced(name);
  expect(() => verify([source], [taken(name, bodies)])).not.toThrow();
});

test.each(loads)('%s: a lost, doubled, exchanged or changed message is found', (name) => {
  const { source, bodies } = produced(name);
  const verdict = (received: readonly Body[]) => () => verify([source], [taken(name, received)]);
  expect(verdict(bodies.slice(0, -1))).toThrow('sent 200 messages, received 199');
  expect(verdict([...bodies.slice(0, 9), ...bodies.slice(10)])).toThrow('order broken');
  expect(verdict([...bodies.slice(0, 9), ...bodies.slice(8)])).toThrow('order broken');
  const exchanged = [...bodies];
  [exchanged[3], exchanged[4]] = [exchanged[4] as Body, exchanged[3] as Body];
  expect(verdict(exchanged)).toThrow('order broken');
  const changed = structuredClone(bodies.at(-1)) as Body;
  if (changed instanceof Uint8Array) changed[8] = (changed[8] ?? 0) ^ 1;
  else (changed.items[0] as { qty: number }).qty += 1;
  expect(verdict([...bodies.slice(0, -1), changed])).toThrow('checksum');
});

test('every page of a long message is checked', () => {
  const { source, bodies } = produced(65_536);
  const last = Uint8Array.from(bodies.at(-1) as Uint8Array);
  last[61_440] = (last[61_440] ?? 0) ^ 1;
  expect(() => verify([source], [taken(65_536, [...bodies.slice(0, -1), last])])).toThrow('checksum');
});

test('receivers that share may each miss what another has, and no message comes twice', () => {
  const { source, bodies } = produced('order');
  const even = bodies.filter((_body, index) => index % 2 === 0);
  const odd = bodies.filter((_body, index) => index % 2 === 1);
  const share = (received: readonly Body[]) => taken('order', received, true);
  expect(() => verify([source], [share(even), share(odd)])).not.toThrow();
  expect(() => verify([source], [share(even), share(even)])).toThrow('checksum');
  expect(() => verify([source], [share([...even].reverse()), share(odd)])).toThrow('order broken');
});

test('producers are told apart, and the sequence goes round', () => {
  const sink = new Sink(loadNamed('order'), 0);
  const { make } = loadNamed('order');
  for (let sequence = 0; sequence < SPAN + 3; sequence += 1) {
    sink.take(make(sequence, 0));
    sink.take(make(sequence, 3));
  }
  expect(sink.taken()).toMatchObject({ count: 2 * (SPAN + 3) });
  expect(sink.taken().fault).toBeUndefined();
});
