/**
 * A ring in a SharedArrayBuffer between a worker thread and the main one: no process boundary, nothing of the kernel, no bound on what a
 * stranger may write, and both sides poll. What is left when everything else is taken away.
 */

import { setImmediate as turn } from 'node:timers/promises';
import { Packr } from 'msgpackr';
import type { Case, Close, Place, Producer, RoundTripCase } from '../contender.js';
import type { Body } from '../load/load.js';
import { RingReader, RingWriter, ringMemory } from '../peers/ring.js';

const BATCH = 256;
const LARGEST = 2 ** 20;
/** Empty looks before the event loop gets a turn. */
const SPINS = 1_000;

type Encode = (body: Body) => Uint8Array;
type Decode = (bytes: Uint8Array) => Body;

async function consume(place: Place, take: (body: Body) => void, decode: Decode): Promise<Close> {
  const memory = ringMemory();
  place.channel.send({ memory });
  const reader = new RingReader(memory);
  let open = true;
  const loop = async (): Promise<void> => {
    while (open) {
      for (let spins = 0; spins < SPINS; spins += 1) {
        let message = reader.read();
        for (let taken = 0; message !== undefined; message = reader.read()) {
          take(decode(message));
          taken += 1;
          if (taken % BATCH === 0) break;
        }
        reader.release();
      }
      await turn();
    }
  };
  const reading = loop();
  return async () => {
    open = false;
    await reading;
  };
}

async function produce(place: Place, encode: Encode, batch = BATCH): Promise<Producer> {
  const { memory } = (await place.channel.next()) as { memory: SharedArrayBuffer };
  const writer = new RingWriter(memory);
  return {
    async send(source) {
      while (source.more()) {
        for (const body of source.batch(batch)) {
          const bytes = encode(body);
          for (let spins = 0; !writer.write(bytes); spins += 1) {
            writer.publish();
            if (spins % SPINS === SPINS - 1) await turn();
          }
        }
        writer.publish();
      }
    },
    close: () => undefined,
  };
}

const codec = new Packr({ useRecords: false });
const same = <Value>(value: Value): Value => value;

/** Both threads spin on the ring, and never look elsewhere while one asks. */
const roundTrip: RoundTripCase = {
  kind: 'round-trip',
  name: 'SharedArrayBuffer ring, spinning, 64 B',
  detail: true,
  restless: true,
  load: 64,
  others: 'threads',
  async respond(place) {
    const [questions, answers] = [ringMemory(), ringMemory()];
    place.channel.send({ questions, answers });
    const reader = new RingReader(questions);
    const writer = new RingWriter(answers);
    let open = true;
    const loop = async (): Promise<void> => {
      while (open) {
        for (let spins = 0; spins < SPINS; spins += 1) {
          const message = reader.read();
          if (message === undefined) continue;
          reader.release();
          writer.write(message);
          writer.publish();
          spins = 0;
        }
        await turn();
      }
    };
    const answering = loop();
    return async () => {
      open = false;
      await answering;
    };
  },
  async request(place) {
    const memory = (await place.channel.next()) as Record<'questions' | 'answers', SharedArrayBuffer>;
    const writer = new RingWriter(memory.questions);
    const reader = new RingReader(memory.answers);
    return {
      exchange(body) {
        writer.write(body as Uint8Array);
        writer.publish();
        for (;;) {
          const answer = reader.read();
          if (answer === undefined) continue;
          reader.release();
          return answer;
        }
      },
      close: () => undefined,
    };
  },
};

export const cases: readonly Case[] = [
  {
    kind: 'one-way',
    name: 'SharedArrayBuffer ring, msgpackr',
    detail: true,
    restless: true,
    others: 'threads',
    consume: (place, take) => consume(place, take, (bytes) => codec.unpack(bytes) as Body),
    produce: (place) => produce(place, (body) => codec.pack(body)),
  },
  {
    kind: 'sizes',
    name: 'SharedArrayBuffer ring',
    largest: LARGEST,
    others: 'threads',
    consume: (place, take) => consume(place, take, same),
    produce: (place, size) =>
      produce(place, same as Encode, Math.max(1, Math.min(BATCH, Math.floor(LARGEST / size)))),
  },
  roundTrip,
];
