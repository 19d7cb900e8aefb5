import { expect, test } from 'vitest';
import { PigeonholeError } from '../src/errors.js';
import { FrameWriter, Kind, PROTOCOL_VERSION } from '../src/framing.js';
import { Session, type SessionOwner } from '../src/hosted/session.js';
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
