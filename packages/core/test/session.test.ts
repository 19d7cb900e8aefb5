import { expect, test } from 'vitest';
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
  serve: () => null,
  adopt: () => {},
  opened: () => {},
  over: () => {},
  warn: () => {},
};

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
  hear((writer) =>
    writer.json(Kind.hello, 0x4e474950, PROTOCOL_VERSION, {
      namespace: 'n',
      name: 'other',
      incarnation: other.incarnation,
      to: self.incarnation,
    }),
  );
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
