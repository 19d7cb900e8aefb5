/** Of messages that come and go within a call, what only shared memory does. What every transport does is in the conformance suite. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRuntime, mailbox, type Runtime } from '@pigeonhole/core';
import { expect, onTestFinished, test } from 'vitest';
import { ownPlace } from './place.js';

async function pair(limits = {}): Promise<{ a: Runtime; b: Runtime; folder: string }> {
  const { setup, folder } = ownPlace();
  const a = await createRuntime({ name: 'a', limits, ...setup });
  const b = await createRuntime({ name: 'b', limits, ...setup });
  onTestFinished(async () => void (await Promise.all([a.close(), b.close()])));
  return { a, b, folder };
}

/** Changes the text where it lies in shared memory. */
function damage(folder: string, text: string): void {
  for (const name of readdirSync(folder).filter((each) => /\.\d+$/.test(each))) {
    const path = join(folder, name);
    const bytes = readFileSync(path);
    const at = bytes.indexOf(text);
    if (at < 0) continue;
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(path, bytes, { flag: 'r+' });
    return;
  }
  throw new Error(`'${text}' lies in no file of ${folder}`);
}

test.each([
  ['in the first piece that is taken', 3, 1],
  ['between two', 300, 256],
])(
  'damage %s: what was taken before it is received, and then the damage is reported',
  async (_, count, bad) => {
    const { a, b, folder } = await pair();
    const box = mailbox<string>('m', { capacity: 1000 });
    const [sender, receiver] = [await a.sender(box), await b.receiver(box)];
    const bodies = Array.from({ length: count }, (_, number) => `message ${number} of several`);
    await sender.sendMany(bodies);
    damage(folder, bodies[bad] as string);
    expect((await receiver.receiveMany(1000)).map(({ body }) => body)).toEqual(bodies.slice(0, bad));
    for (let again = 0; again < 2; again++)
      await expect(receiver.receiveMany(1000, { timeout: 1000 })).rejects.toMatchObject({
        code: 'ERR_CORRUPT',
      });
  },
);

/** Lengths on both sides of each limit: summed as they are copied, sent and received by themselves, larger than the memory for all. */
const LENGTHS = [0, 511, 512, 513, 575, 8191, 8192, 8193, 65_535, 65_536, 65_537, 1_000_003];

/** A text in the midst of bytes that differ from one message to the next. */
function longBody(length: number, number: number): Buffer {
  const body = Buffer.from(Array.from({ length }, (_, at) => (at * 31 + number * 7) & 0xff));
  body.write(`body ${number} of several`, length >> 1);
  return body;
}

test.each(['raw', 'msgpack'] as const)(
  'bodies of any length arrive whole, as they were sent: %s',
  async (codec) => {
    const { a, b } = await pair();
    const box = mailbox<Uint8Array>('m', { capacity: 20, codec });
    const [sender, receiver] = [await a.sender(box), await b.receiver(box)];
    const bodies = [...LENGTHS, ...[...LENGTHS].reverse()].map(longBody);
    const copies = bodies.map((body) => Buffer.from(body));
    // More than there are places: the last ones wait, and are changed meanwhile.
    const sent = [...copies.slice(0, 8).map((body) => sender.send(body)), sender.sendMany(copies.slice(8))];
    for (const copy of copies) copy.fill(0);
    const got: Uint8Array[] = [];
    const waiting = receiver.receive();
    got.push((await waiting).body);
    got.push((receiver.tryReceiveSync()?.body ?? expect.unreachable()) as Uint8Array);
    while (got.length < bodies.length) got.push(...(await receiver.receiveMany(7)).map(({ body }) => body));
    await Promise.all(sent);
    expect(got.map((body, number) => Buffer.compare(body, bodies[number] as Buffer))).toEqual(
      bodies.map(() => 0),
    );
    expect(new Set(got.filter(({ length }) => length > 4096).map(({ buffer }) => buffer)).size).toBe(
      bodies.filter(({ length }) => length > 4096).length,
    );
  },
);

test.each(
  (['receiveMany', 'receive', 'borrow'] as const).flatMap(
    (verb) =>
      [
        [verb, 600],
        [verb, 8192],
        [verb, 30_000],
      ] as const,
  ),
)('damage in a long body is found: %s of %i bytes', async (verb, length) => {
  const { a, b, folder } = await pair();
  const box = mailbox<Uint8Array>('m', { capacity: 10, codec: 'raw' });
  const [sender, receiver] = [await a.sender(box), await b.receiver(box)];
  const bodies = [20_000, 300, length].map(longBody);
  await sender.sendMany(bodies);
  damage(folder, 'body 2 of several');
  if (verb === 'receiveMany') expect(await receiver.receiveMany()).toHaveLength(2);
  else
    for (let each = 0; each < 2; each++)
      await (verb === 'borrow' ? receiver.borrow(() => undefined) : receiver[verb as 'receive']());
  const next = verb === 'borrow' ? receiver.borrow(() => undefined) : receiver[verb as 'receive']();
  await expect(next).rejects.toMatchObject({ code: 'ERR_CORRUPT' });
});

test('a batch of long bodies ends after a mebibyte', async () => {
  const { a, b } = await pair();
  const box = mailbox<Uint8Array>('m', { capacity: 100, codec: 'raw' });
  const [sender, receiver] = [await a.sender(box), await b.receiver(box)];
  await sender.sendMany(Array(40).fill(new Uint8Array(65_536)));
  expect(await receiver.receiveMany()).toHaveLength(16);
  expect(await receiver.receiveMany(9)).toHaveLength(9);
  expect(await receiver.receiveMany()).toHaveLength(15);
});

test('sendMany says how many were accepted, also when a whole piece meets the limit', async () => {
  // 1,024 bytes each: 64 fill a piece, and two pieces the mailbox.
  const { a, b } = await pair({ maxBytes: 128 * 1024 });
  const box = mailbox<Uint8Array>('m', { capacity: 'unbounded', codec: 'raw' });
  const [sender, receiver] = [await a.sender(box), await b.receiver(box)];
  const sent = sender.sendMany(Array(200).fill(new Uint8Array(1024)));
  await expect(sent).rejects.toMatchObject({ code: 'ERR_NO_SPACE', accepted: 128 });
  expect(await receiver.receiveMany()).toHaveLength(128);
  await sender.close();
  await expect(sender.sendMany([new Uint8Array(1)])).rejects.toMatchObject({
    code: 'ERR_CLOSED',
    accepted: 0,
  });
});

test('sends of nothing let the event loop turn', async () => {
  const { a } = await pair();
  const sender = await a.sender(mailbox('m'));
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  for (let calls = 0; calls < 1000; calls++) await sender.sendMany([]);
  expect(turned).toBe(true);
});

test.each(['trySend', 'tryCommit'])('%s goes before none of the sends that wait', async (verb) => {
  const { a, b } = await pair();
  const box = mailbox<Uint8Array>('m', { capacity: 2000, codec: 'raw' });
  const [sender, receiver] = [await a.sender(box), await b.receiver(box)];
  // So many that some wait in this process to wait in shared memory, where 16 do.
  const count = 2000 + 16 + 10;
  const sends = Array.from({ length: count }, (_, number) => sender.send(Buffer.from(String(number))));
  const received: string[] = [];
  const take = (): string | undefined => receiver.tryReceiveSync()?.body.toString();
  // The sender hears of nothing until its event loop turns.
  for (let body = take(); body !== undefined; body = take()) received.push(body);
  expect(received).toHaveLength(2000 + 16);
  const loan = sender.loan(3);
  loan.bytes.set(Buffer.from('try'));
  expect(verb === 'trySend' ? sender.trySendSync(Buffer.from('try')) : loan.tryCommitSync()).toBe(true);
  for (let body = take(); body !== undefined; body = take()) received.push(body);
  await Promise.all(sends);
  expect(received.slice(-11)).toEqual(
    [...Array(10).keys()].map((each) => String(count - 10 + each)).concat('try'),
  );
});

test('sends that wait are given places while their thread is blocked', async () => {
  const { a, b } = await pair();
  const box = mailbox<Uint8Array>('m', { capacity: 4, codec: 'raw' });
  const [sender, receiver] = [await a.sender(box), await b.receiver(box)];
  const idle = await a.receiver(mailbox('idle'));
  const sent = sender.sendMany(Array.from({ length: 300 }, (_, number) => Buffer.from(String(number))));
  expect(() => idle.receiveSync({ timeout: 1 })).toThrow('timeout 1 ms');
  // The sender's event loop has not turned since.
  for (let number = 0; number < 300; number++)
    expect(receiver.tryReceiveSync()?.body.toString()).toBe(String(number));
  await sent;
});

test('no codec takes away the memory that all messages go through', async () => {
  const { a, b } = await pair();
  const box = mailbox<string>('m', {
    codec: {
      name: 'greedy',
      id: 3,
      encode: (body) => Buffer.from(body as string),
      decode: (bytes) => {
        const text = Buffer.from(bytes).toString();
        try {
          structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });
        } catch {
          // From Node.js 21 on it is told that it cannot.
        }
        return text;
      },
      verify: () => {},
    },
  });
  const [sender, receiver] = [await a.sender(box), await b.receiver(box)];
  for (const text of ['one', 'two', 'three']) {
    await sender.send(text);
    expect((await receiver.receive()).body).toBe(text);
  }
});

test('a codec that receives another message while it decodes one spoils none', async () => {
  const { a, b } = await pair();
  const fetched: string[] = [];
  const parcels = mailbox<string>('parcels');
  const notes = mailbox<string>('notes', {
    codec: {
      name: 'claim check',
      id: 3,
      encode: (body) => Buffer.from(body as string),
      decode: (bytes) => {
        fetched.push(parcel.receiveSync().body);
        return Buffer.from(bytes).toString();
      },
      verify: () => {},
    },
  });
  const [parcel, receiver] = [await b.receiver(parcels), await b.receiver(notes)];
  const bodies = Array.from({ length: 8 }, (_, number) => `note ${number}`);
  for (const body of bodies) {
    await a.send(parcels, `parcel of ${body}`);
    await a.send(notes, body);
  }
  const received = await receiver.receiveMany(4);
  for (let each = 4; each < 8; each++) received.push(await receiver.receive());
  expect(received.map(({ body }) => body)).toEqual(bodies);
  expect(fetched).toEqual(bodies.map((body) => `parcel of ${body}`));
});

test.each(['encode', 'bytesOf'] as const)(
  "what %s of an application's codec gives and is no bytes is refused, and nothing is sent",
  async (by) => {
    const { a, b } = await pair();
    const codec = {
      name: 'odd',
      id: 3,
      encode: () => new Uint8Array(1),
      decode: (bytes: Uint8Array) => bytes.length,
      verify: () => {},
      [by]: () => 5 as never,
    };
    const box = mailbox<Uint8Array>('odd', { capacity: 4, codec });
    const receiver = await b.receiver(box);
    const sender = await a.sender(box);
    await expect(sender.send(new Uint8Array(10_000))).rejects.toMatchObject({
      code: 'ERR_UNSERIALIZABLE',
      message: `codec 'odd' gave 5 for a body; its ${by} must return a Uint8Array`,
    });
    expect(await receiver.tryReceive()).toBeNull();
  },
);
