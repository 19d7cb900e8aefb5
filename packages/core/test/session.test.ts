import { expect, test, vi } from 'vitest';
import { BusyPoll } from '../src/busy-poll.js';
import { PigeonholeError } from '../src/errors.js';
import { FrameParser } from '../src/frame-parser.js';
import { FrameWriter, Kind, PROTOCOL_VERSION } from '../src/framing.js';
import { word } from '../src/hosted/reading.js';
import { Served } from '../src/hosted/served.js';
import { Session, type SessionOwner } from '../src/hosted/session.js';
import { Queue } from '../src/queue.js';
import type { Link, PeerInfo } from '../src/transport.js';

const peerOf = (name: string, digit: string): PeerInfo => ({
  name,
  incarnation: digit.repeat(16),
  pid: 1,
  ports: {},
});
const [self, other] = [peerOf('self', '1'), peerOf('other', '2')];

const owner: SessionOwner = {
  namespace: 'n',
  self,
  limits: { maxMessageBytes: 1024, maxDepth: 8, maxNodes: 8 },
  transportName: 'fake',
  busyPoll: BusyPoll.of(0),
  identify: async () => other,
  recognise: () => other,
  vouches: () => false,
  claimOf: () => null,
  news: () => {},
  serve: () => null,
  adopt: () => {},
  opened: () => {},
  over: () => {},
  warn: () => {},
};

const hello = (from: PeerInfo) => ({
  namespace: 'n',
  name: from.name,
  incarnation: from.incarnation,
  to: self.incarnation,
});

/** A link that writes down what is done to it. */
function recording(): Link & { readonly done: string[] } {
  const done: string[] = [];
  return {
    done,
    write: () => done.push('write') > 0,
    close: () => void done.push('close'),
    destroy: () => void done.push('destroy'),
  };
}

test('nothing is written on a link after it was closed', async () => {
  const link = recording();
  const session = new Session(owner, other);
  session.start(link);
  const hear = (put: (writer: FrameWriter) => void): void => {
    const writer = new FrameWriter((batch) => session.data(batch, true));
    put(writer);
    writer.flush();
  };
  hear((writer) => writer.json(Kind.hello, 0x4e474950, PROTOCOL_VERSION, hello(other)));
  session.close();
  hear((writer) => writer.frame(Kind.ping, 0, 1));
  await new Promise(setImmediate);
  expect(link.done).toEqual(['write', 'close']);
});

test('a link that comes when nobody wants it any more is dropped', () => {
  const link = recording();
  const session = new Session(owner, other);
  session.abort();
  session.start(link);
  expect(link.done).toEqual(['destroy']);
});

test('a process that is leaving hangs up on who dials it, without a word to either side', async () => {
  const link = recording();
  const warnings: Error[] = [];
  const session = new Session(
    {
      ...owner,
      identify: () => Promise.reject(new PigeonholeError('ERR_PEER_DOWN', 'leaving')),
      warn: (error) => void warnings.push(error),
    },
    null,
  );
  session.start(link);
  const writer = new FrameWriter((batch) => session.data(batch, true));
  writer.json(Kind.hello, 0x4e474950, PROTOCOL_VERSION, hello(other));
  writer.flush();
  await expect(session.ready).rejects.toMatchObject({ code: 'ERR_PEER_DOWN' });
  expect([link.done, warnings]).toEqual([['close'], []]);
  session.end();
});

test('acceptances leave in the midst of a large batch, and wait for an answer to ride on after a small one', async () => {
  const accepted: number[] = [];
  const parser = new FrameParser((frame) => frame.kind === Kind.accept && accepted.push(word(frame, 0)));
  const link: Link = {
    write: (batch) => {
      parser.push(batch, true);
      return true;
    },
    close: () => {},
    destroy: () => {},
  };
  const queue = new Queue('q', 1000, 'fifo', 2 ** 20);
  const session: Session = new Session(
    { ...owner, serve: (to, channel) => new Served(to, channel, queue, () => {}, true) },
    other,
  );
  session.start(link);
  const hear = (put: (writer: FrameWriter) => void, more = false): void => {
    const writer = new FrameWriter((batch) => session.data(batch, true, more));
    put(writer);
    writer.flush();
  };
  let number = 0;
  const sends = (count: number) => (writer: FrameWriter) => {
    const message = { body: new Uint8Array(1), codec: 2, from: 'other', type: 0, priority: 0, sentAt: 0 };
    for (let i = 0; i < count; i++) writer.send(1, number++, message, true);
  };
  hear((writer) => writer.json(Kind.hello, 0x4e474950, PROTOCOL_VERSION, hello(other)));
  hear((writer) => writer.json(Kind.open, 1, 0, { mailbox: 'q' }));
  await new Promise(setImmediate);
  // Within the call: the application, which goes on behind it, has seen none of them yet.
  hear(sends(200));
  expect(accepted.length).toBeGreaterThan(1);
  expect(accepted.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(150);
  await new Promise(setImmediate);
  expect(accepted.reduce((sum, count) => sum + count, 0)).toBe(200);
  accepted.length = 0;
  hear(sends(3));
  expect(accepted).toEqual([]);
  await new Promise(setImmediate);
  expect(accepted).toEqual([3]);
  accepted.length = 0;
  // What comes in several pieces at once is answered in one, or, if no more comes after all, at the end of the turn.
  hear(sends(30), true);
  hear(sends(30), true);
  expect(accepted).toEqual([]);
  hear(sends(30));
  expect(accepted).toEqual([90]);
  hear(sends(30), true);
  await new Promise(setImmediate);
  expect(accepted).toEqual([90, 30]);
  session.abort();
  expect(queue.size).toBe(323);
});

test('a stranger does not keep the event loop turning', () => {
  const stir = vi.fn();
  const busyPoll = Object.assign(BusyPoll.of(0), { stir });
  const session = new Session({ ...owner, busyPoll, identify: () => new Promise(() => {}) }, null);
  session.start(recording());
  const header = Buffer.alloc(16);
  header.writeUInt32LE(4000);
  for (const byte of header) session.data(Uint8Array.of(byte), true);
  expect(stir).not.toHaveBeenCalled();

  const dialled = new Session({ ...owner, busyPoll }, other);
  dialled.start(recording());
  const writer = new FrameWriter((batch) => dialled.data(batch, true));
  writer.json(Kind.hello, 0x4e474950, PROTOCOL_VERSION, hello(other));
  writer.flush();
  expect(stir).not.toHaveBeenCalled();
  writer.frame(Kind.ping, 0, 1);
  writer.flush();
  expect(stir).toHaveBeenCalledOnce();
});
